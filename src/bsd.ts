// wallsocket/bsd: sockets as C programs know them, by POSIX's names and Linux's numbers.

export * from './socket-api/bsd/constants.js';
export { PendingCall } from './socket-api/bsd/pending-call.js';
export {
  type ControlMessage, type Linger, type MessageHeader, type OptionCell, type OptionValue, type SocketAddress, SocketName, type TimeValue,
} from './socket-api/bsd/socket.js';
export { type BsdHost, BsdSockets, type PollFd, type WaitingCall } from './socket-api/bsd/sockets.js';
export {
  type LinuxTcpInfo, TCP_CA_CWR, TCP_CA_LOSS, TCP_CA_OPEN, TCP_CA_RECOVERY, TCPI_OPT_SACK, TCPI_OPT_TIMESTAMPS, TCPI_OPT_WSCALE,
} from './socket-api/bsd/tcp-info.js';
export type { ExtendedError } from './socket-api/bsd/udp-socket.js';
