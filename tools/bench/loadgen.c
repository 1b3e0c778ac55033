// The bench's load generator: clients in the kernel's own TCP and UDP, for whatever serves at an address. It measures
// behind a warm-up and prints one line of JSON. loadgen-node.ts does the same where there is no C compiler.
//
//   loadgen MODE address=10.0.0.2 port=5001 [connections=N] [seconds=S] [warm=S] [size=BYTES] [sources=A,B,…]
//
//   tx    as many bytes as the server takes; counted when acknowledged      rx    as many as it gives
//   pp    ping-pong: each connection sends `size` bytes, waits for their echo, and sends again
//   cps   `connections` at a time: connect, half-close, wait for the server's end, close
//   udp   a flood of datagrams of `size` bytes; counted by the server, who answers "?" with its count
//   idle  opens `connections`, has a byte echoed on each, prints, and holds them until its standard input ends
//
//   {"mode","seconds","count","perSecond","errors","cpu"}   cpu: this process's share of one core, 0 .. 1

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define BATCH 64

static struct sockaddr_in server;
static struct sockaddr_in sources[256];
static int source_count;
static int connections = 1;
static double seconds = 2, warm = 0.5;
static size_t size = 64;

static long long errors;

static void fail(const char *what) {
  fprintf(stderr, "loadgen: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static double cpu_seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
}

// The measured part of a run: begins once, at the end of the warm-up.
static struct { double from, until, ended, cpu; int begun; } span;

static void arm(void) {
  span.from = now() + warm;
  span.until = span.from + seconds;
}

// 1 at the one moment when counting begins.
static int begins(double t) {
  if (span.begun || t < span.from) return 0;
  span.begun = 1;
  span.from = t;
  span.cpu = cpu_seconds();
  return 1;
}

static void ends(void) {
  span.ended = now();
  span.cpu = cpu_seconds() - span.cpu;
}

static void report(const char *mode, double count) {
  double took = span.ended - span.from;
  printf("{\"mode\":\"%s\",\"seconds\":%.4f,\"count\":%.0f,\"perSecond\":%.1f,\"errors\":%lld,\"cpu\":%.3f}\n",
         mode, took, count, count / took, errors, span.cpu / took);
  fflush(stdout);
}

static void no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// A new socket, bound to the next source address; its port is chosen when it connects, so that each source has them all.
static int open_socket(int type) {
  static int next;
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;
  if (fd < 0) fail("socket");
  if (source_count == 0) return fd;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&sources[next++ % source_count], sizeof server) < 0) fail("bind");
  return fd;
}

static int dial(void) {
  int fd = open_socket(SOCK_STREAM);
  struct timeval patience = { 5, 0 };
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  // A connect that a signal interrupted goes on by itself; until then, the same call again says EALREADY.
  while (connect(fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EISCONN) {
    if (errno != EINTR && errno != EALREADY) fail("connect");
  }
  no_delay(fd);
  return fd;
}

static int dial_nonblocking(void) {
  int fd = dial();
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void watch(int poller, int operation, int fd, uint32_t events) {
  struct epoll_event event = { .events = events, .data.fd = fd };
  if (epoll_ctl(poller, operation, fd, &event) < 0) fail("epoll_ctl");
}

// Without a farewell: what is under way is forgotten at both ends.
static void reset(int fd) {
  struct linger none = { 1, 0 };
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close(fd);
}

static uint64_t acknowledged(const int *fds) {
  uint64_t sum = 0;
  for (int i = 0; i < connections; i++) {
    struct tcp_info info = { 0 };
    socklen_t length = sizeof info;
    if (getsockopt(fds[i], IPPROTO_TCP, TCP_INFO, &info, &length) == 0) sum += info.tcpi_bytes_acked;
  }
  return sum;
}

static int is_error(ssize_t result) {
  return result == 0 || (result < 0 && errno != EAGAIN && errno != EINTR);
}

static void bulk(int sends) {
  int poller = epoll_create1(EPOLL_CLOEXEC);
  int *fds = calloc(connections, sizeof *fds);
  char *bytes = calloc(1, size);
  uint64_t received = 0, before = 0;
  struct epoll_event events[EVENTS];
  for (int i = 0; i < connections; i++) {
    fds[i] = dial_nonblocking();
    watch(poller, EPOLL_CTL_ADD, fds[i], sends ? EPOLLOUT : EPOLLIN);
  }
  arm();
  for (double t = now(); t < span.until; t = now()) {
    if (begins(t)) before = sends ? acknowledged(fds) : received;
    int ready = epoll_wait(poller, events, EVENTS, 10);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      // MSG_TRUNC on TCP: taken off the queue, not copied. The generator ought not to be what is measured.
      ssize_t n = sends ? send(fd, bytes, size, 0) : recv(fd, NULL, size, MSG_TRUNC);
      if (n > 0) received += n;
      if (!is_error(n)) continue;
      errors++;
      epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
    }
  }
  ends();
  report(sends ? "tx" : "rx", (sends ? acknowledged(fds) : received) - before);
  for (int i = 0; i < connections; i++) reset(fds[i]);
}

static void ping_pong(void) {
  int poller = epoll_create1(EPOLL_CLOEXEC), top = 0;
  char *bytes = calloc(1, size);
  long long trips = 0;
  struct epoll_event events[EVENTS];
  int *fds = calloc(connections, sizeof *fds);
  for (int i = 0; i < connections; i++) {
    fds[i] = dial_nonblocking();
    if (fds[i] > top) top = fds[i];
    watch(poller, EPOLL_CTL_ADD, fds[i], EPOLLIN);
  }
  size_t *got = calloc(top + 1, sizeof *got);
  for (int i = 0; i < connections; i++) if (send(fds[i], bytes, size, 0) != (ssize_t)size) fail("send");
  arm();
  for (double t = now(); t < span.until; t = now()) {
    if (begins(t)) trips = 0;
    int ready = epoll_wait(poller, events, EVENTS, 10);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      ssize_t n = recv(fd, bytes, size - got[fd], 0);
      if (is_error(n)) {
        errors++;
        epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
      }
      if (n <= 0 || (got[fd] += n) < size) continue;
      got[fd] = 0;
      trips++;
      if (send(fd, bytes, size, 0) != (ssize_t)size) errors++;
    }
  }
  ends();
  report("pp", trips);
  for (int i = 0; i < connections; i++) reset(fds[i]);
}

static void begin_connecting(int poller) {
  int fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) fail("connect");
  watch(poller, EPOLL_CTL_ADD, fd, EPOLLOUT);
}

static void connect_close(void) {
  int poller = epoll_create1(EPOLL_CLOEXEC);
  long long done = 0;
  struct epoll_event events[EVENTS];
  for (int i = 0; i < connections; i++) begin_connecting(poller);
  arm();
  for (double t = now(); t < span.until; t = now()) {
    if (begins(t)) done = 0;
    int ready = epoll_wait(poller, events, EVENTS, 10);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      char byte;
      if ((events[i].events & EPOLLERR) == 0) {
        if (events[i].events == EPOLLOUT) {
          shutdown(fd, SHUT_WR);
          watch(poller, EPOLL_CTL_MOD, fd, EPOLLIN);
          continue;
        }
        if (recv(fd, &byte, 1, 0) == 0) done++;
        else errors++;
      } else {
        errors++;
      }
      close(fd);
      begin_connecting(poller);
    }
  }
  ends();
  report("cps", done);
}

// How many datagrams the server has seen, by its own word; asked again when the question or the answer is lost.
static double ask(int fd) {
  for (int tries = 0; tries < 20; tries++) {
    struct pollfd readable = { fd, POLLIN, 0 };
    char text[32] = { 0 };
    send(fd, "?", 1, 0);
    if (poll(&readable, 1, 250) > 0 && recv(fd, text, sizeof text - 1, 0) > 0) {
      // An answer to an earlier question may still come.
      while (recv(fd, text, sizeof text - 1, MSG_DONTWAIT) > 0) {}
      return atof(text);
    }
  }
  fail("the server does not tell its count");
  return 0;
}

static void flood(void) {
  int fd = open_socket(SOCK_DGRAM);
  char *bytes = calloc(1, size);
  struct iovec piece = { bytes, size };
  struct mmsghdr messages[BATCH] = { 0 };
  double before = 0;
  if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0) fail("connect");
  for (int i = 0; i < BATCH; i++) {
    messages[i].msg_hdr.msg_iov = &piece;
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  ask(fd);
  arm();
  for (double t = now(); t < span.until; t = now()) {
    if (begins(t)) {
      before = ask(fd);
      // The question waited behind the flood, and the flood for the answer.
      span.from = now();
      span.until = span.from + seconds;
      span.cpu = cpu_seconds();
    }
    if (sendmmsg(fd, messages, BATCH, 0) < 0 && errno != ENOBUFS && errno != EAGAIN) errors++;
  }
  ends();
  // What still waits in queues was received in time, if only just; a queue is small against a run.
  usleep(100000);
  report("udp", ask(fd) - before);
}

static void idle(void) {
  int *fds = calloc(connections, sizeof *fds);
  char byte;
  span.from = now();
  span.cpu = cpu_seconds();
  for (int i = 0; i < connections; i++) {
    fds[i] = dial();
    if (send(fds[i], "i", 1, 0) < 0) fail("send");
  }
  // A kernel completes connections that its application has not accepted. An echo proves that it has.
  for (int i = 0; i < connections; i++) if (recv(fds[i], &byte, 1, 0) != 1) errors++;
  ends();
  report("idle", connections);
  while (read(0, &byte, 1) > 0) {}
  for (int i = 0; i < connections; i++) reset(fds[i]);
}

static void take(const char *argument) {
  const char *value = strchr(argument, '=');
  size_t name = value ? (size_t)(value++ - argument) : 0;
#define IS(text) (name == sizeof text - 1 && strncmp(argument, text, name) == 0)
  if (IS("address")) {
    if (inet_pton(AF_INET, value, &server.sin_addr) == 1) return;
  } else if (IS("port")) {
    server.sin_port = htons(atoi(value));
    return;
  } else if (IS("connections")) {
    connections = atoi(value);
    return;
  } else if (IS("seconds")) {
    seconds = atof(value);
    return;
  } else if (IS("warm")) {
    warm = atof(value);
    return;
  } else if (IS("size")) {
    size = strtoul(value, NULL, 10);
    return;
  } else if (IS("sources")) {
    char *list = strdup(value);
    for (char *one = strtok(list, ","); one && source_count < 256; one = strtok(NULL, ",")) {
      sources[source_count].sin_family = AF_INET;
      if (inet_pton(AF_INET, one, &sources[source_count++].sin_addr) != 1) fail(one);
    }
    return;
  }
  fprintf(stderr, "loadgen: what is %s?\n", argument);
  exit(2);
}

int main(int count, char **arguments) {
  struct rlimit files = { 65536, 65536 };
  const char *mode = count > 1 ? arguments[1] : "";
  server.sin_family = AF_INET;
  for (int i = 2; i < count; i++) take(arguments[i]);
  signal(SIGPIPE, SIG_IGN);
  setrlimit(RLIMIT_NOFILE, &files);
  if (strcmp(mode, "tx") == 0) bulk(1);
  else if (strcmp(mode, "rx") == 0) bulk(0);
  else if (strcmp(mode, "pp") == 0) ping_pong();
  else if (strcmp(mode, "cps") == 0) connect_close();
  else if (strcmp(mode, "udp") == 0) flood();
  else if (strcmp(mode, "idle") == 0) idle();
  else take(mode);
  return 0;
}
