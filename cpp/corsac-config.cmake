# What find_package(corsac) reads: the target corsac::core and what it needs.
include(CMakeFindDependencyMacro)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/corsac-targets.cmake)
