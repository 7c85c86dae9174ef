/* plugin.c - what leaves the plugin: one function that gives its table. */
#include "runtime/device/cuda/inside.h"

static const ig_device_api api = {.abi = IG_DEVICE_ABI,
                                  .bytes = sizeof(ig_device_api),
                                  .build = gpu_build,
                                  .op = cu_op_name,
                                  .count = cu_count,
                                  .probe = cu_probe,
                                  .open = cu_open,
                                  .close = cu_close,
                                  .lost = cu_lost,
                                  .memory = cu_memory,
                                  .take = cu_take,
                                  .give = cu_give,
                                  .take_pinned = cu_take_pinned,
                                  .give_pinned = cu_give_pinned,
                                  .stream_open = cu_stream_open,
                                  .stream_close = cu_stream_close,
                                  .copy = cu_copy,
                                  .wait = cu_wait,
                                  .constant = cu_constant,
                                  .give_constant = cu_give_constant,
                                  .bind = cu_bind,
                                  .launch = cu_launch,
                                  .unbind = cu_unbind,
                                  .kv = cu_kv,
                                  .draw = cu_draw,
                                  .record_begin = cu_record_begin,
                                  .record_end = cu_record_end,
                                  .replay = cu_replay,
                                  .graph_close = cu_graph_close,
                                  .comms_open = cu_comms_open,
                                  .comms_close = cu_comms_close};

INGOT_API const ig_device_api *ingot_cuda_plugin_v1(void);

const ig_device_api *ingot_cuda_plugin_v1(void) { return &api; }
