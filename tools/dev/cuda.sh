# cuda.sh - sourced by the scripts: what of NVIDIA's tools for CUDA is here, and how to get the rest.
# The plugin for CUDA devices is built where nvcc 12.3 or newer is found: on the PATH, in
# /usr/local/cuda, or from NVIDIA's Python packages in .venv/cuda, which cuda_install fills. Nothing here
# needs a GPU.

cuda_folder=.venv/cuda
cuda_release=13.0 # of the packages, and of tests/cuda/resources.tsv

# find_nvcc - prints the compiler that CMake will find; status 1: there is none.
find_nvcc() {
    local p
    for p in nvcc "${CUDAToolkit_ROOT:-}/bin/nvcc" /usr/local/cuda/bin/nvcc "$cuda_folder"/nvidia/cu13/bin/nvcc; do
        p=$(command -v "$p") && echo "$p" && return 0
    done
    return 1
}

# find_cuobjdump - prints the program that shows machine code; status 1: there is none.
find_cuobjdump() {
    local p
    for p in cuobjdump /usr/local/cuda/bin/cuobjdump "$cuda_folder"/nvidia/cu13/bin/cuobjdump; do
        p=$(command -v "$p") && echo "$p" && return 0
    done
    return 1
}

# cuda_packages package... - unpacks NVIDIA's Python packages into .venv/cuda; installs nothing else.
cuda_packages() {
    need pip3:python3-pip
    say "fetching $* into $cuda_folder"
    python3 -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --no-deps --upgrade --target "$cuda_folder" "$@"
}

# The compiler, the runtime's headers and static library, and cuobjdump: about 110 MB to fetch. Status 1: they
# cannot be had.
cuda_install() {
    find_nvcc >/dev/null ||
        cuda_packages "nvidia-cuda-nvcc==$cuda_release.*" "nvidia-cuda-crt==$cuda_release.*" \
            "nvidia-nvvm==$cuda_release.*" "nvidia-cuda-runtime==$cuda_release.*" || return 1
    cuda_dump
}

# cuobjdump, which the test of machine code wants and small toolkits lack: about 3 MB to fetch.
cuda_dump() {
    find_cuobjdump >/dev/null || cuda_packages "nvidia-cuda-cuobjdump" "nvidia-cuda-nvdisasm"
}

# has_gpu - does the driver know one?
has_gpu() { [ -e /dev/nvidiactl ]; }

# cuda_say - what CUDA means for the build that follows.
cuda_say() {
    local nvcc
    if nvcc=$(find_nvcc); then
        echo "CUDA: $nvcc $("$nvcc" --version | sed -n 's/.*release \([0-9.]*\),.*/\1/p'): the plugin for GPUs is built where it is 12.3 or newer (-DINGOT_CUDA=OFF: not)"
    else
        echo "CUDA: no nvcc here, so no plugin for GPUs; \`tools/check --cuda\` fetches NVIDIA's compiler (110 MB) into .venv and builds it"
    fi
}
