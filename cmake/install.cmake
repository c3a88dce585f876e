# What `make install` puts where, and the files by which other builds find it: trit.pc for
# pkg-config, tritConfig.cmake for find_package(trit). Nothing inside names an absolute folder, so
# that `cmake --install --prefix` and DESTDIR give a tree that can be moved.
include(CMakePackageConfigHelpers)

set(TRIT_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR}/trit)
set(TRIT_CMAKEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/trit)

install(TARGETS trit_cli RUNTIME)
install(TARGETS trit EXPORT tritTargets ARCHIVE)
install(DIRECTORY src/ DESTINATION ${TRIT_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN cli EXCLUDE)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/trit)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT tritTargets NAMESPACE trit:: DESTINATION ${TRIT_CMAKEDIR})
configure_package_config_file(cmake/tritConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/tritConfig.cmake
  INSTALL_DESTINATION ${TRIT_CMAKEDIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tritConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tritConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/tritConfigVersion.cmake DESTINATION ${TRIT_CMAKEDIR})

# pkg-config's own folder is ${pcfiledir}: the prefix is that many steps above it.
file(RELATIVE_PATH TRIT_PC_UP ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
set(TRIT_PC_LIBS "-lm -ldl ${OpenMP_C_FLAGS}")
if(TRIT_HAVE_ONEDNN)
  string(PREPEND TRIT_PC_LIBS "-ldnnl ")
endif()
configure_file(cmake/trit.pc.in ${CMAKE_CURRENT_BINARY_DIR}/trit.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/trit.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
