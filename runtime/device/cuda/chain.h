/* chain.h - the op that several elementwise steps become (ig_device_bind.chain): it has no name in
 * the list of ops, since no graph has it. */
#ifndef IG_CU_CHAIN_H
#define IG_CU_CHAIN_H

#include "runtime/device/cuda/op.h"

extern const ig_cu_op ig_cu_chain;

#endif
