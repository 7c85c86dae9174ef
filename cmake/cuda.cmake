# The CUDA backend. Kernels lie beside the CPU's as kernels/<op>/<name>_cuda.cu (sm_80, and PTX for
# what comes after it), <name>_cuda89.cu (Ada's 8-bit floats) and <name>_cuda90.cu (Hopper). Each file
# is compiled twice: by nvcc for the plugin, where there is a toolkit, and as C++ against the emulator
# in kernels/cuda, always.
set(INGOT_CUDA AUTO CACHE STRING "the CUDA plugin: AUTO (where nvcc 12.3 or newer is), ON, OFF")
set_property(CACHE INGOT_CUDA PROPERTY STRINGS AUTO ON OFF)

file(GLOB cuda_sources CONFIGURE_DEPENDS kernels/*/*_cuda.cu kernels/*/*_cuda89.cu
     kernels/*/*_cuda90.cu)
file(GLOB cuda_host_sources CONFIGURE_DEPENDS runtime/device/cuda/*.c runtime/device/cuda/ops/*.c)
list(FILTER cuda_host_sources EXCLUDE REGEX "/(gpu_(cuda|nccl)|conv_cudnn)\\.c$")
set(cuda_map ${CMAKE_SOURCE_DIR}/cmake/ingot_cuda.map)

# What the plugin does on the host; the parts of the core that it uses are linked into it, function by
# function where an op's file has more than that (1 MB of kernels for the CPU).
add_library(ingot_cuda_host OBJECT EXCLUDE_FROM_ALL ${cuda_host_sources})
target_link_libraries(ingot_cuda_host PUBLIC ingot_flags ingot_deps)

# ingot_cuda_library(name objects...) - the plugin from these and ingot_cuda_host.
function(ingot_cuda_library name)
  add_library(${name} SHARED ${ARGN} $<TARGET_OBJECTS:ingot_cuda_host>)
  target_link_libraries(${name} PRIVATE ingot_static ingot_deps)
  target_link_options(${name} PRIVATE -Wl,--version-script=${cuda_map} -Wl,--no-undefined
                      -Wl,--as-needed -Wl,--exclude-libs,ALL -Wl,--build-id -Wl,--gc-sections)
  if(INGOT_SANITIZE)
    target_link_options(${name} PRIVATE -fsanitize=${INGOT_SANITIZE})
  endif()
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${cuda_map} LINKER_LANGUAGE CXX)
endfunction()

# ---- emulated ----
# (AddressSanitizer does not know the emulator's stacks.)
if(INGOT_TESTS AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" AND NOT INGOT_MINIMAL AND
   NOT INGOT_SANITIZE MATCHES "address")
  set_source_files_properties(${cuda_sources} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++")
  add_library(ingot_cuda_emulated OBJECT ${cuda_sources} runtime/device/cuda/gpu_emu.cpp
              runtime/device/cuda/gpu_emu_comm.cpp runtime/device/cuda/conv_cudnn.c)
  target_include_directories(ingot_cuda_emulated PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/runtime)
  target_compile_options(ingot_cuda_emulated PRIVATE -Wall -Wextra -Wno-unknown-pragmas)
  target_link_libraries(ingot_cuda_emulated PUBLIC Threads::Threads)
  if(INGOT_SANITIZE) # `thread` makes the emulator find races of kernels
    target_compile_options(ingot_cuda_emulated PRIVATE -fsanitize=${INGOT_SANITIZE}
                           -fno-sanitize-recover=all -fno-omit-frame-pointer)
  endif()
  ingot_cuda_library(ingot_cuda_emu $<TARGET_OBJECTS:ingot_cuda_emulated>)
endif()

# ---- compiled for devices ----
find_program(INGOT_NVCC nvcc HINTS ${CUDAToolkit_ROOT}/bin /usr/local/cuda/bin
             ${CMAKE_SOURCE_DIR}/.venv/cuda/nvidia/cu13/bin) # the last: tools/check --cuda
set(cuda_version 0)
if(INGOT_NVCC AND NOT INGOT_CUDA STREQUAL OFF AND NOT INGOT_MINIMAL AND NOT INGOT_SANITIZE AND
   NOT CMAKE_CROSSCOMPILING)
  execute_process(COMMAND ${INGOT_NVCC} --version OUTPUT_VARIABLE cuda_version)
  string(REGEX MATCH "release ([0-9.]+)" found "${cuda_version}")
  set(cuda_version "${CMAKE_MATCH_1}")
endif()
if(cuda_version VERSION_LESS 12.3)
  if(INGOT_CUDA STREQUAL ON)
    message(FATAL_ERROR "Ingot: CUDA is asked for, and no nvcc of 12.3 or newer was found")
  endif()
  message(STATUS "Ingot: CUDA plugin off (no nvcc of 12.3 or newer)")
  return()
endif()
message(STATUS "Ingot: CUDA plugin on (${INGOT_NVCC}, ${cuda_version})")

get_filename_component(cuda_root ${INGOT_NVCC} REALPATH)
get_filename_component(cuda_root ${cuda_root} DIRECTORY)
get_filename_component(cuda_root ${cuda_root} DIRECTORY)
find_path(CUDART_INCLUDE cuda_runtime_api.h HINTS ${cuda_root}/include REQUIRED)
find_library(CUDART_STATIC cudart_static HINTS ${cuda_root}/lib64 ${cuda_root}/lib
             ${cuda_root}/targets/x86_64-linux/lib REQUIRED)

set(nvcc_flags -O3 -std=c++17 -I${CMAKE_SOURCE_DIR} -Werror all-warnings
    -Xptxas -v,-warn-spills -Xcompiler -fPIC,-fvisibility=hidden)
if(NOT cuda_version VERSION_LESS 12.9)
  list(APPEND nvcc_flags --compress-mode=size)
endif()
set(nvcc_80 -gencode arch=compute_80,code=sm_80 -gencode arch=compute_80,code=compute_80)
# (The PTX is for what comes after Hopper, which has kernels of its own.)
set(nvcc_89 -gencode arch=compute_89,code=sm_89 -gencode arch=compute_89,code=compute_89)
set(nvcc_90 -gencode arch=compute_90a,code=sm_90a -DIGT_AHEAD)
# Launchers of small kernels that Hopper starts before the one in front has ended (cu_start_ahead):
# the instruction that waits is PTX of 9.0, which every chip after 8.x takes in place of that of 8.0.
set(cuda_ahead gemv_cuda norm_cuda paged_cuda paged_half_cuda paged_byte_cuda)
set(nvcc_ahead -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=compute_90
    -DIGT_AHEAD)

# Each object leaves what ptxas says of its registers and shared memory beside it, in NAME.ptxas.
set(cuda_objects)
set(cuda_reports)
foreach(source ${cuda_sources})
  get_filename_component(name ${source} NAME_WE)
  set(object ${CMAKE_BINARY_DIR}/cuda/${name}.o)
  set(report ${CMAKE_BINARY_DIR}/cuda/${name}.ptxas)
  set(arch ${nvcc_80})
  if(name MATCHES "_cuda(89|90)$")
    set(arch ${nvcc_${CMAKE_MATCH_1}})
  elseif(name IN_LIST cuda_ahead)
    set(arch ${nvcc_ahead})
  endif()
  add_custom_command(OUTPUT ${object} BYPRODUCTS ${report}
    COMMAND ${CMAKE_COMMAND} -DREPORT=${report} -P ${CMAKE_SOURCE_DIR}/cmake/nvcc.cmake --
            ${CCACHE} ${INGOT_NVCC} ${nvcc_flags} ${arch} -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source} cmake/nvcc.cmake DEPFILE ${object}.d
    COMMENT "Compiling ${name}.cu for devices" VERBATIM)
  list(APPEND cuda_objects ${object})
  list(APPEND cuda_reports ${report})
endforeach()
add_custom_target(ingot_cuda_objects DEPENDS ${cuda_objects})

# The plugin: the CUDA runtime is linked into it, the driver's library is looked for when it runs.
set(cuda_layer ${CMAKE_SOURCE_DIR}/runtime/device/cuda/gpu_cuda.c
               ${CMAKE_SOURCE_DIR}/runtime/device/cuda/gpu_nccl.c)
set_source_files_properties(${cuda_layer} PROPERTIES
                            COMPILE_OPTIONS "-isystem${CUDART_INCLUDE};-Wno-pedantic")
ingot_cuda_library(ingot_cuda ${cuda_objects} ${cuda_layer} runtime/device/cuda/conv_cudnn.c)
set_source_files_properties(${cuda_objects} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
target_link_libraries(ingot_cuda PRIVATE ingot_flags ${CUDART_STATIC} rt)

# cuDNN's header is enough to build with: its library is opened at run time, where it is.
find_path(CUDNN_INCLUDE cudnn.h HINTS ${cuda_root}/include ${CUDART_INCLUDE})
if(CUDNN_INCLUDE)
  target_compile_definitions(ingot_cuda PRIVATE INGOT_CUDNN)
  target_include_directories(ingot_cuda SYSTEM PRIVATE ${CUDNN_INCLUDE} ${CUDART_INCLUDE})
  message(STATUS "Ingot: convolutions by cuDNN, where it is installed (${CUDNN_INCLUDE}/cudnn.h)")
else()
  message(STATUS "Ingot: convolutions by own kernels only (no cudnn.h: install cuDNN 9's headers)")
endif()
install(TARGETS ingot_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
