# What the runtime stands on. Each line of the summary says which package turns a part on.
find_package(Threads REQUIRED)
add_library(ingot_deps INTERFACE)
target_link_libraries(ingot_deps INTERFACE Threads::Threads m ${CMAKE_DL_LIBS})

function(ingot_find name header library package)
  string(TOUPPER ${name} upper)
  find_path(${upper}_INCLUDE ${header} PATH_SUFFIXES ${name})
  find_library(${upper}_LIBRARY ${library})
  if(INGOT_MINIMAL)
    message(STATUS "Ingot: ${name} off (minimal build)")
  elseif(${upper}_INCLUDE AND ${upper}_LIBRARY)
    target_include_directories(ingot_deps INTERFACE ${${upper}_INCLUDE})
    target_link_libraries(ingot_deps INTERFACE ${${upper}_LIBRARY})
    target_compile_definitions(ingot_deps INTERFACE IG_HAVE_${upper}=1)
    set_property(GLOBAL APPEND PROPERTY ingot_private_libs -l${library}) # for static linking
    message(STATUS "Ingot: ${name} on (${${upper}_LIBRARY})")
  else()
    message(STATUS "Ingot: ${name} off, install ${package} to turn it on")
  endif()
endfunction()

# OpenBLAS is no dependency: math=fast loads it where it is installed (libopenblas0).
if(INGOT_MINIMAL)
  target_compile_definitions(ingot_deps INTERFACE IG_MINIMAL=1)
endif()
ingot_find(hwloc hwloc.h hwloc libhwloc-dev)
ingot_find(zstd zstd.h zstd libzstd-dev)
ingot_find(pcre2 pcre2.h pcre2-8 libpcre2-dev)
ingot_find(utf8proc utf8proc.h utf8proc libutf8proc-dev)
ingot_find(jansson jansson.h jansson libjansson-dev)

# Tokenizers stand on Unicode tables, and their importers on a JSON reader.
if(NOT INGOT_MINIMAL AND UTF8PROC_LIBRARY AND JANSSON_LIBRARY)
  set(INGOT_TEXT ON)
  target_compile_definitions(ingot_deps INTERFACE IG_HAVE_TEXT=1)
else()
  set(INGOT_TEXT OFF)
  message(STATUS "Ingot: tokenizers off")
endif()

# What is left out where tokenizers are off: folders, and single files of other folders.
set(INGOT_TEXT_ONLY
  /runtime/text/ /runtime/llm/embed/ /runtime/llm/grammar/trie_tokenizer.c
  /formats/gguf/ /formats/hf/ /formats/llm/families/ /formats/llama2c/tokenizer.c
  /formats/safetensors/ /formats/tokenizer/
  /tools/cmd_embed.c /tools/cmd_rerank.c /tools/cmd_tokenize.c
  /tests/text/ /tests/llm/ /tests/formats/unit_gguf_types.c /tests/formats/unit_llama2c.c)

# ingot_text_sources(list) - drops those from the list.
function(ingot_text_sources list)
  if(INGOT_TEXT)
    return()
  endif()
  foreach(part ${INGOT_TEXT_ONLY})
    foreach(file ${${list}})
      string(FIND ${file} ${CMAKE_SOURCE_DIR}${part} at)
      if(at EQUAL 0)
        list(REMOVE_ITEM ${list} ${file})
      endif()
    endforeach()
  endforeach()
  set(${list} ${${list}} PARENT_SCOPE)
endfunction()

# Only its header: the hash is compiled into Ingot, in every build.
find_path(XXHASH_INCLUDE xxhash.h)
if(NOT XXHASH_INCLUDE)
  message(FATAL_ERROR "Ingot: xxhash.h is missing, install libxxhash-dev")
endif()
target_include_directories(ingot_deps SYSTEM INTERFACE ${XXHASH_INCLUDE})
message(STATUS "Ingot: xxhash on (compiled in)")
