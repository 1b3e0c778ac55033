// `wallsocket/web`: sockets as streams of the web's, for whatever takes a ReadableStream and a WritableStream.

export {
  type UdpMessage, type UdpMessageOut, type UdpOpenInfo, openUdp, type WebUdpOptions, WebUdpSocket,
} from './socket-api/web-datagrams.js';
export {
  type BytesOfTheWeb, connect, listen, type SocketAddress, type TcpOpenInfo, type TcpServerOpenInfo, type WebConnectOptions,
  type WebListenOptions, WebTcpServer, WebTcpSocket, type WebTcpOptions,
} from './socket-api/web-streams.js';
