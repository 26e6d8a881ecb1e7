# Turns the SQL files of migrations/ into one C++ source: cmake -DFOLDER=... -DOUT=... -P embed_migrations.cmake
file(GLOB ups ${FOLDER}/[0-9]*.up.sql)
list(SORT ups)
set(rows "")
foreach(up ${ups})
  get_filename_component(stem ${up} NAME)
  string(REGEX REPLACE "\\.up\\.sql$" "" stem ${stem})
  if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
    message(FATAL_ERROR "${up}: migrations are named NNNN_name.up.sql")
  endif()
  set(number ${CMAKE_MATCH_1})
  set(name ${CMAKE_MATCH_2})
  string(REGEX REPLACE "^0+" "" number ${number})
  file(READ ${up} up_sql)
  file(READ ${FOLDER}/${stem}.down.sql down_sql)
  set(data_sql "")
  if(EXISTS ${FOLDER}/${stem}.data.sql)
    file(READ ${FOLDER}/${stem}.data.sql data_sql)
  endif()
  string(APPEND rows "      {${number}, \"${name}\",\n       R\"~sql~(${up_sql})~sql~\",\n       R\"~sql~(${down_sql})~sql~\",\n       R\"~sql~(${data_sql})~sql~\"},\n")
endforeach()
file(READ ${FOLDER}/access.sql access)
file(WRITE ${OUT} "// Made by embed_migrations.cmake from persistence/migrations.
#include \"persistence/migrate.hpp\"

namespace repartee::persistence {

MigrationSet embedded_migrations() {
  return {{
${rows}  }, R\"~sql~(${access})~sql~\"};
}

}  // namespace repartee::persistence
")
