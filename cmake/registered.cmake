# Every kernel variant stands in a .kern list, and every list has a check: else the build fails.
#
#   cmake -DNM=nm -DOBJECTS=file -DSOURCE=folder [-DSTAMP=file] -P registered.cmake
#
# OBJECTS holds the paths of object files, a line each; SOURCE is the root of the sources. Functions
# that an object of kernels/<op>/*_<isa>.c, .S or *_ref.c exports under its suffix are variants, unless
# another such object calls them: then they are parts, as tiles in assembly are. kernels/limits
# measures the machine and is left out.
cmake_minimum_required(VERSION 3.25)

set(isas ref|avx2|avxvnni|avx512|avx512vnni|avx512bf16|neon|dotprod|i8mm|armbf16)
file(GLOB kerns ${SOURCE}/kernels/*/*.kern)
file(GLOB checks ${SOURCE}/tests/kernels/check_*.c)
set(problems)

# ---- lists without a check ----
set(included)
foreach(check ${checks})
  file(STRINGS ${check} lines REGEX "^ *# *include \".*\\.kern\"")
  list(APPEND included ${lines})
endforeach()
set(listed)
foreach(kern ${kerns})
  cmake_path(RELATIVE_PATH kern BASE_DIRECTORY ${SOURCE} OUTPUT_VARIABLE name)
  if(NOT included MATCHES "${name}\"")
    list(APPEND problems "${name}: no tests/kernels/check_<op>.c includes it")
  endif()
  file(STRINGS ${kern} rows REGEX "^K\\(")
  list(TRANSFORM rows REPLACE "^K\\([a-z0-9_]+, ([a-z0-9_]+),.*" "\\1")
  list(APPEND listed ${rows})
endforeach()

# ---- variants in no list ----
file(STRINGS ${OBJECTS} objects REGEX "/kernels/.*_(${isas})\\.[cS]\\.")
list(FILTER objects EXCLUDE REGEX "/kernels/limits/")
if(objects)
  execute_process(COMMAND ${NM} --defined-only --extern-only -A ${objects} OUTPUT_VARIABLE text
                  COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${NM} --undefined-only ${objects} OUTPUT_VARIABLE called
                  COMMAND_ERROR_IS_FATAL ANY)
endif()
string(REGEX MATCHALL "[^\n]*_(${isas})\\.[cS]\\.[a-z]+:[0-9a-f]+ T [a-z0-9_]+" exports "${text}")
foreach(export ${exports})
  string(REGEX MATCH "(kernels/.*_(${isas})\\.[cS])\\.[a-z]+:[0-9a-f]+ T (.*)" unused "${export}")
  set(file ${CMAKE_MATCH_1})
  set(isa ${CMAKE_MATCH_2})
  set(function ${CMAKE_MATCH_3})
  if(function MATCHES "_${isa}$" AND NOT function IN_LIST listed
     AND NOT called MATCHES " U ${function}\n")
    list(APPEND problems "${file}: ${function} is in no .kern list")
  endif()
endforeach()

if(problems)
  list(JOIN problems "\n  " text)
  message(FATAL_ERROR "kernels that nothing chooses or tests:\n  ${text}")
endif()
if(STAMP)
  file(TOUCH ${STAMP})
endif()
