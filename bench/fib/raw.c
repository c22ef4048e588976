/*
 * What the kernel itself can do: the bench's routes as rtnetlink messages, 64 to a send, errors read back, and nothing
 * else. `raw ROUTES ORDER NEXTHOP`: ORDER 0 = as they are numbered, 1 = spread over all of them (bits reversed); NEXTHOP = id
 * of a nexthop object, 0 = a gateway. Adds all, then deletes all; prints milliseconds for each.
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static char *attribute(char *at, int type, uint32_t value) {
  struct rtattr *a = (struct rtattr *)at;
  a->rta_len = 8;
  a->rta_type = type;
  memcpy(a + 1, &value, 4);
  return at + 8;
}

static uint32_t reversed(uint32_t value, int bits) {
  uint32_t result = 0;
  for (int i = 0; i < bits; i++)
    if (value >> i & 1) result |= 1u << (bits - 1 - i);
  return result;
}

int main(int count, char **words) {
  if (count < 4) return 2;
  uint32_t routes = strtoul(words[1], 0, 0), nexthop = strtoul(words[3], 0, 0);
  int spread = atoi(words[2]), bits = 0, one = 1;
  while (1u << bits < routes) bits++;
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct sockaddr_nl self = {.nl_family = AF_NETLINK};
  if (fd < 0 || bind(fd, (struct sockaddr *)&self, sizeof self) < 0) return 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  uint32_t device = if_nametoindex("v0");
  static char out[BATCH * 128], in[65536];
  for (int delete = 0; delete < 2; delete++) {
    int length = 0, batched = 0, failed = 0;
    double start = now(), slowest = 0;
    for (uint32_t i = 0; i < 1u << bits; i++) {
      uint32_t route = spread ? reversed(i, bits) : i;
      if (route < routes) {
        struct nlmsghdr *head = (struct nlmsghdr *)(out + length);
        struct rtmsg *message = (struct rtmsg *)(head + 1);
        memset(head, 0, sizeof *head + sizeof *message);
        head->nlmsg_type = delete ? RTM_DELROUTE : RTM_NEWROUTE;
        head->nlmsg_flags = NLM_F_REQUEST | (delete ? 0 : NLM_F_CREATE | NLM_F_EXCL);
        message->rtm_family = AF_INET;
        message->rtm_dst_len = 26;
        message->rtm_table = RT_TABLE_MAIN;
        message->rtm_protocol = 186;
        message->rtm_scope = delete ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
        message->rtm_type = delete ? RTN_UNSPEC : RTN_UNICAST;
        char *at = attribute((char *)(message + 1), RTA_DST, htonl(0x0b000000u + route * 64));
        at = attribute(at, RTA_PRIORITY, 32);
        if (!delete && nexthop) at = attribute(at, RTA_NH_ID, nexthop);
        if (!delete && !nexthop) at = attribute(attribute(at, RTA_GATEWAY, htonl(0x0a000002)), RTA_OIF, device);
        head->nlmsg_len = at - (char *)head;
        length += head->nlmsg_len;
        batched++;
      }
      if (batched == 0 || (batched < BATCH && i + 1 < 1u << bits)) continue;
      double sent = now();
      if (send(fd, out, length, 0) < 0) return 1;
      if (now() - sent > slowest) slowest = now() - sent;
      length = batched = 0;
      for (ssize_t got; (got = recv(fd, in, sizeof in, MSG_DONTWAIT)) > 0; failed++) (void)got;
    }
    printf("%s %.3f %.3f\n", delete ? "del" : "add", now() - start, slowest);
    if (failed) fprintf(stderr, "raw: %d answers of the kernel were errors\n", failed);
  }
}
