// A provider that costs next to nothing: one thread, epoll, HTTP/1.1 with keep-alive, canned answers.
//
//   usage: mock PORT [CHUNKS=100] [INTERVAL_US=0]
//   build: gcc -O2 -o mock mock.c
//
// POST …/chat/completions, …/responses or …/messages is answered with about 700 bytes in that format. A chat whose body
// has "stream":true gets CHUNKS events, or as few as its "max_tokens", each by a write of its own: the first at once,
// then one every INTERVAL_US (0: as fast as it can).
// GET /__stats tells how many requests came whole, and how many events were sent.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MOST 32768       // file descriptors
#define FIRST (64 << 10) // bytes of a connection's buffer, which grows with its requests
#define KINDS 64         // of events, which differ in their words

typedef struct {
    char *in;
    int length, size;
    int streaming, place; // whether it has a stream, and where that is in `streams`
    int sent, most;       // events
    long long next;       // when its next event is due, in microseconds
} Connection;

static Connection connections[MOST];
static int streams[MOST], streaming;
static unsigned long long requests, events;
static int chunks = 100;
static long long interval = 0;

static const char *TEXT = "The capital of France is Paris. It lies on the river Seine in the north of the country, and "
                          "it has been the seat of government for most of the time since the tenth century.";
static char chat[2048], responses[2048], messages[2048], opening[512], event[KINDS][1024], ending[2048];
static int chat_size, responses_size, messages_size, opening_size, event_size[KINDS], ending_size;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static int whole(char *into, const char *format) {
    char body[1536];
    int n = snprintf(body, sizeof body, format, TEXT);
    return sprintf(into, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                         "x-request-id: req_0123456789abcdef\r\nopenai-processing-ms: 12\r\n\r\n%s", n, body);
}

static int chunk(char *into, const char *data) { return sprintf(into, "%zx\r\n%s\r\n", strlen(data), data); }

static void prepare(void) {
    chat_size = whole(chat,
        "{\"id\":\"chatcmpl-BkZt7xT3Q0v1yqfYg5s2Jm8n\",\"object\":\"chat.completion\",\"created\":1790000000,"
        "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"%s\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
        "\"usage\":{\"prompt_tokens\":214,\"completion_tokens\":42,\"total_tokens\":256,\"prompt_tokens_details\":"
        "{\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}},"
        "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_0392822090\"}");
    responses_size = whole(responses,
        "{\"id\":\"resp_68af4030592c81938ec0a5fbab4a3e9f\",\"object\":\"response\",\"created_at\":1790000000,"
        "\"status\":\"completed\",\"error\":null,\"incomplete_details\":null,\"model\":\"gpt-4o-mini-2024-07-18\","
        "\"output\":[{\"id\":\"msg_68af40337e5881939ab2\",\"type\":\"message\",\"status\":\"completed\","
        "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"
        "\"text\":\"%s\"}]}],\"usage\":{\"input_tokens\":214,\"input_tokens_details\":{\"cached_tokens\":0},"
        "\"output_tokens\":42,\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":256}}");
    messages_size = whole(messages,
        "{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\","
        "\"model\":\"claude-haiku-4-5-20251001\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],"
        "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":214,"
        "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":42}}");
    opening_size = sprintf(opening, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                                    "Transfer-Encoding: chunked\r\nx-request-id: req_0123456789abcdef\r\n\r\n");
    const char *start = "data: {\"id\":\"chatcmpl-BkZt7xT3Q0v1yqfYg5s2Jm8n\",\"object\":\"chat.completion.chunk\","
                        "\"created\":1790000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\","
                        "\"system_fingerprint\":\"fp_0392822090\",";
    char data[1024];
    for (int n = 0; n < KINDS; n++) {
        sprintf(data, "%s\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\" token%d\"},\"logprobs\":null,"
                      "\"finish_reason\":null}],\"usage\":null}\n\n", start, n ? "" : "\"role\":\"assistant\",", n);
        event_size[n] = chunk(event[n], data);
    }
    sprintf(data, "%s\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                  "\"usage\":null}\n\n", start);
    ending_size = chunk(ending, data);
    sprintf(data, "%s\"choices\":[],\"usage\":{\"prompt_tokens\":214,\"completion_tokens\":100,"
                  "\"total_tokens\":314}}\n\ndata: [DONE]\n\n", start);
    ending_size += chunk(ending + ending_size, data);
    ending_size += sprintf(ending + ending_size, "0\r\n\r\n");
}

static void say(int fd, const char *data, int size) {
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n >= 0)
            data += n, size -= n;
        else if (errno == EAGAIN || errno == EINTR)
            usleep(100);
        else
            return; // it has left; the loop is told
    }
}

static void end(int fd) {
    Connection *c = &connections[fd];
    if (!c->streaming)
        return;
    c->streaming = 0;
    streams[c->place] = streams[--streaming];
    connections[streams[c->place]].place = c->place;
}

// The next event, and after the last one the end.
static void go_on(int fd) {
    Connection *c = &connections[fd];
    say(fd, event[c->sent % KINDS], event_size[c->sent % KINDS]);
    c->next += interval;
    events++;
    if (++c->sent < c->most)
        return;
    say(fd, ending, ending_size);
    end(fd);
}

static void begin(int fd, int most) {
    Connection *c = &connections[fd];
    c->streaming = 1, c->place = streaming, c->sent = 0, c->most = most, c->next = now();
    streams[streaming++] = fd;
    say(fd, opening, opening_size);
    go_on(fd);
    while (c->streaming && !interval)
        go_on(fd);
}

static int asked_for(const char *body, int size) {
    char *found = memmem(body, size, "\"max_tokens\":", 13);
    int most = found ? atoi(found + 13) : chunks;
    return most < 1 ? 1 : most < chunks ? most : chunks;
}

// Answers what has come whole, in order; a stream is ended first.
static void answer(int fd) {
    Connection *c = &connections[fd];
    while (!c->streaming) {
        char *stop = memmem(c->in, c->length, "\r\n\r\n", 4);
        if (!stop)
            return;
        *stop = 0; // the head is a string
        char *found = strcasestr(c->in, "\r\ncontent-length:");
        int head = stop + 4 - c->in, total = head + (found ? atoi(found + 17) : 0);
        int in_chunks = strcasestr(c->in, "\r\ntransfer-encoding: chunked") != 0;
        *stop = '\r';
        if (in_chunks) {
            char *last = memmem(stop + 2, c->length - head + 2, "\r\n0\r\n\r\n", 7);
            if (!last)
                return;
            total = last + 7 - c->in;
        }
        if (c->length < total)
            return;
        if (!memcmp(c->in, "GET /__stats", 12)) {
            char told[256], body[128];
            int n = sprintf(body, "{\"chunks\":%llu,\"requests\":%llu}", events, requests);
            say(fd, told, sprintf(told, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, body));
        } else {
            char *line = memchr(c->in, '\r', head);
            int path = line - c->in, rest = total - head;
            requests++;
            if (memmem(c->in, path, "/responses", 10))
                say(fd, responses, responses_size);
            else if (memmem(c->in, path, "/messages", 9))
                say(fd, messages, messages_size);
            else if (memmem(c->in + head, rest, "\"stream\":true", 13) ||
                     memmem(c->in + head, rest, "\"stream\": true", 14))
                begin(fd, asked_for(c->in + head, rest));
            else
                say(fd, chat, chat_size);
        }
        c->length -= total;
        memmove(c->in, c->in + total, c->length);
    }
}

static void hear(int fd, int ep) {
    Connection *c = &connections[fd];
    if (c->length + FIRST / 2 > c->size)
        c->in = realloc(c->in, c->size = c->size ? 2 * c->size : FIRST);
    ssize_t n = recv(fd, c->in + c->length, c->size - c->length, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end(fd);
        c->length = 0;
        epoll_ctl(ep, EPOLL_CTL_DEL, fd, 0);
        close(fd);
        return;
    }
    c->length += n;
    answer(fd);
}

static void tick(void) {
    long long time = now();
    for (int n = streaming - 1; n >= 0; n--) {
        int fd = streams[n];
        if (time < connections[fd].next)
            continue;
        go_on(fd);
        answer(fd);
    }
}

int main(int argc, char **argv) {
    if (argc < 2)
        return fprintf(stderr, "usage: mock PORT [CHUNKS] [INTERVAL_US]\n"), 2;
    if (argc > 2)
        chunks = atoi(argv[2]);
    if (argc > 3)
        interval = atoll(argv[3]);
    prepare();
    int one = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listening, (void *)&at, sizeof at) || listen(listening, 4096))
        return perror("mock"), 1;
    int ep = epoll_create1(0), clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), ticking = 0;
    epoll_ctl(ep, EPOLL_CTL_ADD, listening, &(struct epoll_event){.events = EPOLLIN, .data.fd = listening});
    epoll_ctl(ep, EPOLL_CTL_ADD, clock, &(struct epoll_event){.events = EPOLLIN, .data.fd = clock});
    struct epoll_event ready[256];
    for (;;) {
        if ((streaming > 0) != ticking) { // every half a millisecond, while there are streams
            ticking = streaming > 0;
            long step = ticking ? 500000 : 0;
            timerfd_settime(clock, 0, &(struct itimerspec){{0, step}, {0, step}}, 0);
        }
        int count = epoll_wait(ep, ready, 256, -1);
        for (int n = 0; n < count; n++) {
            int fd = ready[n].data.fd;
            unsigned long long ticks;
            if (fd == clock) {
                if (read(clock, &ticks, 8) == 8)
                    tick();
            } else if (fd != listening) {
                hear(fd, ep);
            } else {
                for (int made; (made = accept4(listening, 0, 0, SOCK_NONBLOCK)) >= 0;) {
                    if (made >= MOST) {
                        close(made);
                        continue;
                    }
                    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    epoll_ctl(ep, EPOLL_CTL_ADD, made, &(struct epoll_event){.events = EPOLLIN, .data.fd = made});
                }
            }
        }
    }
}
