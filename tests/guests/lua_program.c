/*
 * Lua as a static program: runs the code given after -e.
 */
#include <stdio.h>
#include <string.h>

#include <lua5.4/lauxlib.h>
#include <lua5.4/lualib.h>

int main(int argc, char **argv)
{
	lua_State *lua = luaL_newstate();
	if (!lua || argc != 3 || strcmp(argv[1], "-e") != 0)
		return 2;
	luaL_openlibs(lua);
	int error = luaL_dostring(lua, argv[2]);
	if (error)
		fprintf(stderr, "%s\n", lua_tostring(lua, -1));
	lua_close(lua);
	return error ? 1 : 0;
}
