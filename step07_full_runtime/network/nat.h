/*
 * nat.h - the way from a bridge to the world: nftables, ip_forward.
 *
 * For: one nft table of our own, "ip rung", with a chain for each bridge. Its
 * comment keeps what ip_forward was: it is there as long as anybody's NAT.
 * Never: touches other tables, or runs nft(8). It grew out of step06, and
 * shares the table with it.
 */
#ifndef RUNG_NAT_H
#define RUNG_NAT_H

/* End the program if this machine cannot do it. No side effect. */
void nat_check(void);

/* Both return 0, or -1 after warn(), and may be called again. */

/* Translate what comes from this bridge; let the host pass packets on. */
int open_nat(const char *bridge);
/*
 * Take away this bridge's chain, if it has one. With the last chain goes the
 * table, and ip_forward is set back to what it was.
 */
int close_nat(const char *bridge);

#endif
