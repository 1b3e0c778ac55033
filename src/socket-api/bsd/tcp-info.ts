// Linux's `struct tcp_info` as a view of what a connection tells in plain names (tcp/info.ts). <linux/tcp.h>.

import type { TcpInfo } from '../../tcp/info.js';
import type { Listener } from '../../tcp/listener.js';
import { TCP_STATE } from './constants.js';

export const TCPI_OPT_TIMESTAMPS = 1;
export const TCPI_OPT_SACK = 2;
export const TCPI_OPT_WSCALE = 4;

/** `tcpi_ca_state`. */
export const TCP_CA_OPEN = 0;
export const TCP_CA_CWR = 2;
export const TCP_CA_RECOVERY = 3;
export const TCP_CA_LOSS = 4;

const CA_STATE = { open: TCP_CA_OPEN, cwr: TCP_CA_CWR, recovery: TCP_CA_RECOVERY, loss: TCP_CA_LOSS } as const;

/** Times in µs or, where Linux has it so, ms; windows and counts in segments; `_bytes` in bytes. What TCP does not know is missing. */
export interface LinuxTcpInfo {
  readonly tcpi_state: number;
  readonly tcpi_ca_state: number;
  readonly tcpi_retransmits: number;
  readonly tcpi_probes: number;
  readonly tcpi_backoff: number;
  /** TCPI_OPT_… bits. */
  readonly tcpi_options: number;
  readonly tcpi_snd_wscale: number;
  readonly tcpi_rcv_wscale: number;
  readonly tcpi_delivery_rate_app_limited: number;
  /** µs. */
  readonly tcpi_rto: number;
  readonly tcpi_ato: number;
  readonly tcpi_snd_mss: number;
  readonly tcpi_rcv_mss: number;
  readonly tcpi_unacked: number;
  readonly tcpi_sacked: number;
  readonly tcpi_lost: number;
  /** Segments that were sent again and are still under way. */
  readonly tcpi_retrans: number;
  readonly tcpi_fackets: number;
  /** ms. */
  readonly tcpi_last_data_sent: number;
  readonly tcpi_last_data_recv: number;
  readonly tcpi_last_ack_recv: number;
  readonly tcpi_pmtu: number;
  /** µs. */
  readonly tcpi_rtt: number;
  readonly tcpi_rttvar: number;
  readonly tcpi_snd_ssthresh: number;
  readonly tcpi_snd_cwnd: number;
  readonly tcpi_advmss: number;
  readonly tcpi_rcv_space: number;
  readonly tcpi_total_retrans: number;
  /** Bytes per second; all ones: not paced. */
  readonly tcpi_pacing_rate: number;
  readonly tcpi_bytes_acked: number;
  readonly tcpi_bytes_received: number;
  readonly tcpi_notsent_bytes: number;
  readonly tcpi_min_rtt: number;
  readonly tcpi_delivery_rate: number;
  readonly tcpi_bytes_sent: number;
  readonly tcpi_bytes_retrans: number;
  readonly tcpi_dsack_dups: number;
  readonly tcpi_reordering: number;
  readonly tcpi_snd_wnd: number;
  readonly tcpi_rcv_wnd: number;
}

/** Of a connection; of a listener Linux tells its queue: `tcpi_unacked` waiting, at most `tcpi_sacked`. */
export function linuxTcpInfo(i: TcpInfo | null, listener: Listener | null): Partial<LinuxTcpInfo> {
  if (listener !== null) {
    return { tcpi_state: TCP_STATE.LISTEN, tcpi_unacked: listener.waitingCount, tcpi_sacked: listener.backlog };
  }
  if (i === null) return { tcpi_state: TCP_STATE.CLOSED };
  return { ...states(i), ...segments(i), ...times(i), ...bytes(i) };
}

function states(i: TcpInfo): Partial<LinuxTcpInfo> {
  const options = (i.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (i.sack ? TCPI_OPT_SACK : 0) | (i.windowScaling ? TCPI_OPT_WSCALE : 0);
  return {
    // What a descriptor refers to has been done with when the table of TIME-WAIT takes it over.
    tcpi_state: i.state === 'TIME-WAIT' ? TCP_STATE.CLOSED : TCP_STATE[i.state],
    tcpi_ca_state: CA_STATE[i.recovery], tcpi_retransmits: i.backOffs, tcpi_probes: i.probes, tcpi_backoff: i.backOffs,
    tcpi_options: options, tcpi_snd_wscale: i.windowScaling ? i.sendShift : 0, tcpi_rcv_wscale: i.windowScaling ? i.receiveShift : 0,
    tcpi_delivery_rate_app_limited: i.deliveryRateIsAppLimited ? 1 : 0,
  };
}

function segments(i: TcpInfo): Partial<LinuxTcpInfo> {
  const { inFlight, sacked, lost, retransmitted } = i.segments;
  return {
    tcpi_snd_mss: i.sendMss, tcpi_rcv_mss: i.receiveMss, tcpi_advmss: i.offeredMss, tcpi_pmtu: i.pathMtu,
    // Linux goes on counting as lost what was sent again, until it is acknowledged.
    tcpi_unacked: inFlight, tcpi_sacked: sacked, tcpi_lost: lost + retransmitted, tcpi_fackets: 0,
    tcpi_retrans: retransmitted, tcpi_total_retrans: i.retransmits, tcpi_dsack_dups: i.dsacks, tcpi_reordering: i.reordering,
    tcpi_snd_cwnd: Math.floor(i.cwnd / i.sendMss),
    tcpi_snd_ssthresh: i.ssthresh === Infinity ? 0x7fff_ffff : Math.floor(i.ssthresh / i.sendMss),
  };
}

function times(i: TcpInfo): Partial<LinuxTcpInfo> {
  const micros = (ms: number): number => Math.round(ms * 1000);
  const sinceReceived = Math.round(i.sinceReceivedMs);
  return {
    tcpi_rto: micros(i.rtoMs), tcpi_ato: 0, tcpi_rtt: micros(i.srttMs), tcpi_rttvar: micros(i.rttvarMs),
    tcpi_min_rtt: i.minRttMs === Infinity ? 0xffff_ffff : micros(i.minRttMs),
    tcpi_last_data_sent: Math.round(i.sinceSentMs), tcpi_last_data_recv: sinceReceived, tcpi_last_ack_recv: sinceReceived,
  };
}

function bytes(i: TcpInfo): Partial<LinuxTcpInfo> {
  return {
    tcpi_rcv_space: i.receiveWindow, tcpi_pacing_rate: i.pacingRate, tcpi_delivery_rate: i.deliveryRate,
    tcpi_bytes_acked: i.bytesAcked, tcpi_bytes_received: i.bytesReceived, tcpi_notsent_bytes: i.unsent,
    tcpi_bytes_sent: i.bytesSent, tcpi_bytes_retrans: i.bytesRetransmitted, tcpi_snd_wnd: i.sendWindow, tcpi_rcv_wnd: i.receiveWindow,
  };
}
