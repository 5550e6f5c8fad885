/* A program in C that hosts games. See embed_in_c.rs for how to build it.
 *
 * It says nothing about SIGPIPE, so that signal has its default action: a write into a connection
 * that is closed at the other end would kill the process, if any write of the server raised it.
 * "--prove" shows that this is so, by a write of its own. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int gamekeeper_start(uint16_t port); /* the port, or -1 */
int gamekeeper_stop(void);           /* 0, or -1 */

static int prove(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 1;
    close(ends[1]);
    write(ends[0], "anybody there?", 14);
    return 1; /* never reached */
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--prove") == 0)
        return prove();
    int port = gamekeeper_start(0);
    if (port < 0) {
        fputs("the server cannot be started\n", stderr);
        return 1;
    }
    printf("listening tcp 127.0.0.1:%d\n", port);
    fflush(stdout);
    getchar();
    return gamekeeper_stop() == 0 ? 0 : 1;
}
