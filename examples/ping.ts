// Two stacks back to back, and an echo request of each kind: RFC 792, RFC 4443 §4.

import { createPipe, drive, NetError, ping, Stack } from 'wallsocket';

const [left, right] = createPipe({ medium: 'ethernet' });   // so that ARP and Neighbor Discovery come first
const [near, far] = [new Stack(), new Stack()];
near.addInterface(left, { addresses: ['10.0.0.1/24', 'fd00::1/64'] });
far.addInterface(right, { addresses: ['10.0.0.2/24', 'fd00::2/64'] });
const drivers = [drive(near), drive(far)];

// The last one goes in fragments and comes back in fragments.
for (const [address, bytes] of [['10.0.0.2', 56], ['fd00::2', 56], ['fd00::2', 60_000]] as const) {
  const reply = await ping(near, address, { bytes });
  console.log(`${reply.bytes} bytes from ${reply.address}, hop limit ${reply.hopLimit}`);
}

try {
  await ping(near, '192.0.2.1');   // no route leads there
} catch (error) {
  console.log((error as NetError).message);
}
for (const driver of drivers) driver.stop();
