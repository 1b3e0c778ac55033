// Prove your retry logic: undici's fetch asks again when the server is not ready, over a line that loses exactly the third
// packet with text. Then all that was sent is held against packetdrill's notation.

import { Agent, fetch, interceptors } from 'undici';
import { httpOf, netOf } from 'wallsocket/testing/node';
import { expect, test } from 'wallsocket/vitest';

// The timers of the program under test are the network's.
test.override('netOptions', { program: 'virtual' });

test('fetch tries again, and is answered, though a packet is lost', async ({ net }) => {
  const [client, server] = net.hosts(2);
  const wire = net.link(client, server, { delay: '20 ms' });
  let asked = 0;
  const site = httpOf(server).createServer((_, response) => {
    response.statusCode = ++asked === 1 ? 503 : 200;
    response.end(asked === 1 ? 'not yet' : 'hello');
  }).listen(80);
  const agent = new Agent({
    connect: (_, done) => {
      const socket = netOf(client).connect(80, server.ip);
      socket.once('connect', () => done(null, socket)).once('error', (error) => done(error, null));
      return socket;
    },
  });
  const dispatcher = agent.compose(interceptors.retry({ maxRetries: 3, minTimeout: 2000 }));

  wire.loss({ nth: 3, of: (packet) => packet.payload.length > 0 });
  const response = await net.runUntil(fetch(`http://${server.ip}/`, { dispatcher }));
  expect(await net.runUntil(response.text())).toBe('hello');
  expect(net).toMatchTrace(`
    0.000 a > S 0:0(0) win 65535 <mss 1460,...>
    0.020 b > S. 0:0(0) ack 1
    0.040 a > . 1:1(0) ack 1
    0.040 a > P. 1:166(165) ack 1               // GET
    0.060 b > P. 1:147(146) ack 166             // 503
    0.120 a > . 166:166(0) ack 147
    2.080 a > P. 166:331(165) ack 147 (dropped) // GET again, two seconds later: the third packet with text
    2.320 a > P. 166:331(165) ack 147           // probed for, RFC 8985 §7
    2.340 b > P. 147:274(127) ack 331           // 200
  `);
  await net.runUntil(agent.close());
  site.close();
});
