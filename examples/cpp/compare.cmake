# Runs PROGRAM with the request that REQUEST holds before the line of dashes; what it writes must be what stands after.
file(READ ${REQUEST} text)
string(REGEX REPLACE "\n----\n.*" "\n" request "${text}")
string(REGEX REPLACE ".*\n----\n" "" expected "${text}")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/request.txt "${request}")
execute_process(COMMAND ${PROGRAM} INPUT_FILE ${CMAKE_CURRENT_BINARY_DIR}/request.txt
                OUTPUT_VARIABLE written COMMAND_ERROR_IS_FATAL ANY)
if(NOT written STREQUAL expected)
  message(FATAL_ERROR "written:\n${written}\nexpected:\n${expected}")
endif()
