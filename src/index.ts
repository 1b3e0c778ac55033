// The package's front door: everything that runs on any platform.

export { Address, formatAddress, parseAddress } from './address.js';
export { type Counters, DROP_REASONS, type DropReason } from './counters.js';
export { drive, type Driver } from './driver.js';
export { type ErrorCode, NetError } from './errors.js';
export type { Interface } from './ip/interface.js';
export type { Limit, LimitRegistry } from './limits.js';
export { type Device, type FrameSink, NO_OFFLOAD, type Offload } from './link/device.js';
export { createPipe, type PipeOptions } from './link/pipe.js';
export { Packet, packetOf, PacketPool } from './packet.js';
export { CryptoRandom, type Random, SeededRandom } from './random.js';
export { serveAll, SERVICE_PORTS, type ServicePorts, type SmallServers } from './services/small-servers.js';
export { ping, type PingOptions, type PingReply } from './socket-api/ping.js';
export { type RawOptions, type RawPacket, RawSocket } from './socket-api/raw.js';
export { type TcpConnectOptions, type TcpListenOptions, TcpServer, TcpSocket } from './socket-api/tcp.js';
export { type UdpBindOptions, type UdpPeer, UdpSocket } from './socket-api/udp.js';
export { type InterfaceConfig, Stack, type StackOptions } from './stack.js';
export type { CongestionName } from './tcp/congestion/controllers.js';
export type { ConnectionOptions } from './tcp/connection.js';
export type { NotSending, TcpInfo } from './tcp/info.js';
export type { SendReason, TcpEvent, TcpEvents } from './tcp/probe.js';
export type { UserTimeoutExchange } from './tcp/user-timeout.js';
export { TCP_SETTINGS, type TcpSettings } from './tcp/tcp.js';
export { NEVER } from './time.js';
export type { Datagram } from './udp/datagram-queue.js';
