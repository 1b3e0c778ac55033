// What the Python lines of a script may name: Linux's struct tcp_info and its constants. <linux/tcp.h>.

import { IPPROTO_TCP, TCP_INFO, TCP_STATE } from '../../socket-api/bsd/constants.js';
import type { OptionCell } from '../../socket-api/bsd/socket.js';
import type { BsdSockets } from '../../socket-api/bsd/sockets.js';

const STATES = {
  ESTABLISHED: 'ESTABLISHED', SYN_SENT: 'SYN-SENT', SYN_RECV: 'SYN-RECEIVED', SYN_RECEIVED: 'SYN-RECEIVED', FIN_WAIT1: 'FIN-WAIT-1',
  FIN_WAIT_1: 'FIN-WAIT-1', FIN_WAIT2: 'FIN-WAIT-2', FIN_WAIT_2: 'FIN-WAIT-2', TIME_WAIT: 'TIME-WAIT', CLOSE: 'CLOSED', CLOSED: 'CLOSED',
  CLOSE_WAIT: 'CLOSE-WAIT', LAST_ACK: 'LAST-ACK', LISTEN: 'LISTEN', CLOSING: 'CLOSING',
} as const;

export const TCP_INFO_CONSTANTS: ReadonlyMap<string, number> = new Map<string, number>([
  // Linux's names, and FreeBSD's.
  ...Object.entries(STATES).flatMap(([name, state]): [string, number][] =>
    [[`TCP_${name}`, TCP_STATE[state]], [`TCPI_${name}`, TCP_STATE[state]]]),
  ['TCP_CA_Open', 0], ['TCP_CA_Disorder', 1], ['TCP_CA_CWR', 2], ['TCP_CA_Recovery', 3], ['TCP_CA_Loss', 4],
  ['TCPI_OPT_TIMESTAMPS', 1], ['TCPI_OPT_SACK', 2], ['TCPI_OPT_WSCALE', 4], ['TCPI_OPT_ECN', 8], ['TCPI_OPT_ECN_SEEN', 16],
]);

const FIELDS = [
  'state', 'ca_state', 'retransmits', 'probes', 'backoff', 'options', 'snd_wscale', 'rcv_wscale', 'rto', 'ato', 'snd_mss', 'rcv_mss',
  'unacked', 'sacked', 'lost', 'retrans', 'fackets', 'last_data_sent', 'last_data_recv', 'last_ack_recv', 'pmtu', 'rtt', 'rttvar',
  'snd_ssthresh', 'snd_cwnd', 'advmss', 'rcv_space', 'total_retrans', 'pacing_rate', 'bytes_acked', 'bytes_received', 'notsent_bytes',
  'min_rtt', 'reordering', 'rcv_rtt', 'rcv_ssthresh', 'segs_in', 'segs_out', 'data_segs_in', 'data_segs_out', 'delivered', 'delivered_ce',
  'busy_time', 'rwnd_limited', 'sndbuf_limited', 'dsack_dups', 'reord_seen', 'rcv_ooopack', 'max_pacing_rate', 'last_ack_sent', 'delivery_rate', 'delivery_rate_app_limited', 'bytes_sent', 'bytes_retrans', 'snd_wnd', 'rcv_wnd',
];

/** All that may be named. */
export const TCP_INFO_NAMES: ReadonlySet<string> = new Set([...TCP_INFO_CONSTANTS.keys(), ...FIELDS.map((field) => `tcpi_${field}`)]);

export function tcpInfoVariables(sockets: BsdSockets, fd: number): ReadonlyMap<string, number> {
  const cell: OptionCell = { value: 0 };
  sockets.getsockopt(fd, IPPROTO_TCP, TCP_INFO, cell);
  return new Map([...TCP_INFO_CONSTANTS, ...Object.entries(cell.value as Record<string, number>)]);
}
