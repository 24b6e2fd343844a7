# Writes corsac.cdx.json: the parts of the extension in CycloneDX's form. Nothing of it depends on when or where it is
# built: no time, no serial number.
set(corsac_part [[{
      "type": "library",
      "bom-ref": "@name@",
      "name": "@name@",
      "version": "@version@",
      "licenses": [{ "expression": "@license@" }],
      "purl": "@purl@"
    }]])
function(corsac_add_part name version license purl)
  string(CONFIGURE "${corsac_part}" part @ONLY)
  list(APPEND corsac_parts "${part}")
  set(corsac_parts "${corsac_parts}" PARENT_SCOPE)
  list(APPEND corsac_part_names "\"${name}\"")
  set(corsac_part_names "${corsac_part_names}" PARENT_SCOPE)
endfunction()

corsac_add_part(pybind11 ${pybind11_VERSION} BSD-3-Clause "pkg:pypi/pybind11@${pybind11_VERSION}")
if(corsac_has_static_library AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  corsac_add_part(libstdc++ ${CMAKE_CXX_COMPILER_VERSION} "GPL-3.0-or-later WITH GCC-exception-3.1"
                  "pkg:generic/libstdc%2B%2B@${CMAKE_CXX_COMPILER_VERSION}")
endif()
list(JOIN corsac_parts ", " corsac_parts)
list(JOIN corsac_part_names ", " corsac_part_names)
file(CONFIGURE OUTPUT corsac.cdx.json @ONLY CONTENT [[{
  "bomFormat": "CycloneDX",
  "specVersion": "1.6",
  "version": 1,
  "metadata": {
    "component": {
      "type": "library",
      "bom-ref": "corsac",
      "name": "corsac",
      "version": "@corsac_version@",
      "licenses": [{ "license": { "id": "MIT" } }],
      "purl": "pkg:pypi/corsac@@corsac_version@"
    }
  },
  "components": [
    @corsac_parts@
  ],
  "dependencies": [{ "ref": "corsac", "dependsOn": [@corsac_part_names@] }]
}
]])
