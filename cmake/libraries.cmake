# The libraries that are installed, and how outside programs find them.
include(CMakePackageConfigHelpers)

# ingot_library(name map objects...) - name.so and name.a from object libraries; only what the version
# script names leaves the shared one.
function(ingot_library name map)
  set(objects)
  foreach(objs ${ARGN})
    list(APPEND objects $<TARGET_OBJECTS:${objs}>)
  endforeach()
  add_library(${name} SHARED ${objects})
  add_library(${name}_static STATIC ${objects})
  set_target_properties(${name}_static PROPERTIES OUTPUT_NAME ${name})
  set_target_properties(${name} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${map})
  target_link_options(${name} PRIVATE -Wl,--version-script=${map} -Wl,--no-undefined -Wl,--as-needed)
  if(INGOT_SANITIZE)
    target_link_options(${name} PRIVATE -fsanitize=${INGOT_SANITIZE})
  endif()
  foreach(target ${name} ${name}_static)
    target_link_libraries(${target} PRIVATE ingot_deps)
    target_include_directories(${target} INTERFACE
      $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/runtime> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/formats>
      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  endforeach()
endfunction()

ingot_library(ingot ${CMAKE_SOURCE_DIR}/cmake/ingot.map ingot_objs)
ingot_library(ingot_convert ${CMAKE_SOURCE_DIR}/cmake/ingot_convert.map ingot_objs ingot_convert_objs)

install(FILES runtime/ingot.h runtime/ingot.hpp formats/ingot_convert.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ingot ingot_convert EXPORT IngotTargets)
install(FILES $<TARGET_FILE:ingot_static> $<TARGET_FILE:ingot_convert_static>
        DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT IngotTargets NAMESPACE Ingot:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Ingot)
configure_package_config_file(cmake/IngotConfig.cmake.in ${CMAKE_BINARY_DIR}/IngotConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Ingot)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/IngotConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/IngotConfig.cmake ${CMAKE_BINARY_DIR}/IngotConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Ingot)

file(RELATIVE_PATH PC_UP /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
get_property(PC_PRIVATE GLOBAL PROPERTY ingot_private_libs)
string(JOIN " " PC_PRIVATE ${PC_PRIVATE} -lpthread -lm)
configure_file(cmake/ingot.pc.in ${CMAKE_BINARY_DIR}/ingot.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/ingot.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
