// What came, what went, and why something was dropped. A drop without a reason is a bug; a reason without a test is
// half a bug.

export const DROP_REASONS = [
  // the stack's door
  'rx-queue-full', 'device-refused', 'device-too-big', 'device-cannot-segment', 'no-packet-memory',
  // link
  'link-truncated', 'link-not-for-us', 'link-unknown-type', 'link-own-source', 'link-bad-source',
  'arp-malformed', 'arp-not-for-us', 'arp-bad-sender', 'arp-conflict',
  'neighbor-unreachable', 'neighbor-queue-full', 'neighbor-table-full',
  // IP, both families
  'ip-truncated', 'ip-bad-version', 'ip-bad-header-length', 'ip-bad-total-length', 'ip-bad-checksum',
  'ip-bad-options', 'ip-source-route', 'ip-martian-source', 'ip-martian-destination', 'ip-not-for-us',
  'ip-own-source', 'ip-unknown-protocol', 'ip-hop-limit', 'ip-too-big', 'ip-no-route', 'ip-no-source',
  'ip6-bad-extension', 'ip6-too-many-extensions', 'ip6-unknown-option', 'ip6-routing-header', 'ip6-no-next-header',
  'ip6-misplaced-hop-by-hop',
  // fragments
  'fragment-malformed', 'fragment-overlap', 'fragment-too-big', 'fragment-limit', 'fragment-timeout',
  'fragment-tiny-first', 'fragment-nested', 'fragment-duplicate',
  // ICMP and NDP
  'icmp-truncated', 'icmp-bad-checksum', 'icmp-unknown-type', 'icmp-bad-quote', 'icmp-no-socket',
  'icmp-ignored', 'icmp-rate-limited', 'icmp-implausible', 'icmp-receive-queue-full',
  'ndp-bad-hop-limit', 'ndp-malformed', 'ndp-not-for-us', 'ndp-conflict',
  // UDP
  'udp-truncated', 'udp-bad-length', 'udp-bad-checksum', 'udp-no-checksum', 'udp-bad-port', 'udp-no-socket',
  'udp-receive-queue-full', 'udp-not-connected-peer',
  // raw sockets
  'raw-receive-queue-full',
  // TCP
  'tcp-truncated', 'tcp-bad-offset', 'tcp-bad-options', 'tcp-bad-checksum', 'tcp-bad-port', 'tcp-not-unicast',
  'tcp-no-socket', 'tcp-bad-flags', 'tcp-unacceptable', 'tcp-paws', 'tcp-missing-timestamp', 'tcp-no-ack',
  'tcp-bad-ack', 'tcp-old-ack', 'tcp-challenged', 'tcp-listen-overflow', 'tcp-accept-overflow', 'tcp-accept-deferred',
  'tcp-window-closed', 'tcp-out-of-order-limit', 'tcp-memory', 'tcp-duplicate', 'tcp-after-close', 'tcp-rate-limited',
  'tcp-time-wait', 'tcp-too-many-connections',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** One record per stack. Numbers only; a snapshot is `counters.snapshot()`. */
export class Counters {
  /** Packets and bytes that devices handed us and that we handed to devices. Bytes of IP packet or frame. */
  rxPackets = 0;
  rxBytes = 0;
  txPackets = 0;
  txBytes = 0;
  /** SYN cookies that left, and those that came back and were ours, or were not. RFC 4987 §3.6. */
  synCookiesSent = 0;
  synCookiesAccepted = 0;
  synCookiesFailed = 0;
  readonly drops: Record<DropReason, number> = Object.fromEntries(DROP_REASONS.map((r) => [r, 0])) as Record<DropReason, number>;

  drop(reason: DropReason): void {
    this.drops[reason]++;
  }

  /** The drops that happened, and only those. */
  dropped(): Partial<Record<DropReason, number>> {
    const happened: Partial<Record<DropReason, number>> = {};
    for (const reason of DROP_REASONS) if (this.drops[reason] > 0) happened[reason] = this.drops[reason];
    return happened;
  }
}
