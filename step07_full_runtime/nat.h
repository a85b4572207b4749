/*
 * nat.h - the way from a bridge to the world: nftables, ip_forward.
 *
 * For: one nft table of our own, "ip rung", with a chain for each bridge.
 * Never: touches other tables, or runs nft(8). The old ip_forward is the
 * caller's to keep. It grew out of step06.
 */
#ifndef RUNG_NAT_H
#define RUNG_NAT_H

/* '0' or '1': does the host pass packets on? '\0' and errno on failure. */
char nat_ip_forward(void);

/* All return 0, or -1 after warn(), and may be called again. */

/* Translate what comes from this bridge; let the host pass packets on. */
int nat_start(const char *bridge);
/* Take away this bridge's chain; other bridges still have theirs. */
int nat_stop(const char *bridge);
/* Take away the whole table, and set ip_forward back to '0' or '1'. */
int nat_end(char ip_forward);

#endif
