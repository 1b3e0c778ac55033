// mqtt against aedes, ssh2 against its own server, nodemailer against smtp-server.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import nodemailer from 'nodemailer';
import { SMTPServer } from 'smtp-server';
import ssh2 from 'ssh2';
import { certificate } from './certificate.mjs';
import { equal } from './harness.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function mqttScenario(ends) {
  const broker = await Aedes.createBroker();
  const port = await ends.serve((socket) => broker.handle(socket));
  const client = () => new mqtt.MqttClient(() => ends.connect(port), { reconnectPeriod: 0 });
  const [subscriber, publisher] = [client(), client()];
  const large = Buffer.alloc(500_000, 'wallsocket ');
  await Promise.all([subscriber, publisher].map((each) => once(each, 'connect')));
  await subscriber.subscribeAsync('notes/#', { qos: 2 });
  const heard = [];
  const all = new Promise((resolve) => {
    subscriber.on('message', (topic, payload) => {
      heard.push([topic, payload.length > 100 ? sha256(payload) : payload.toString()].join(' '));
      if (heard.length === 61) resolve();
    });
  });
  for (const qos of [0, 1, 2]) {
    await Promise.all(Array.from({ length: 20 }, (_, i) => publisher.publishAsync(`notes/${qos}`, `note ${i}`, { qos })));
  }
  await publisher.publishAsync('notes/large', large, { qos: 1 });
  await all;
  for (const qos of [0, 1, 2]) {
    const got = heard.filter((each) => each.startsWith(`notes/${qos} `)).toSorted();
    equal(got.join(), Array.from({ length: 20 }, (_, i) => `notes/${qos} note ${i}`).toSorted().join(), `QoS ${qos}`);
  }
  equal(heard.includes(`notes/large ${sha256(large)}`), true, 'the large one');
  await Promise.all([subscriber, publisher].map((each) => each.endAsync()));
  await new Promise((resolve) => broker.close(resolve));
  return '60 messages of QoS 0, 1 and 2, one of 500 KB';
}

async function mailScenario(ends) {
  const letters = [];
  const server = new SMTPServer({
    ...certificate(),
    disableReverseLookup: true,
    onAuth: ({ username, password }, session, done) =>
      (password === 'secret' ? done(null, { user: username }) : done(new Error('wrong password'))),
    onData(stream, session, done) {
      buffer(stream).then((data) => {
        letters.push({ data: data.toString(), to: session.envelope.rcptTo.map(({ address }) => address).join(), secure: session.secure });
        done(null, 'taken');
      }, done);
    },
  });
  server.on('error', () => {});
  const port = await ends.serve((socket) => server.connect(socket, {}));
  const socket = ends.connect(port);
  await once(socket, 'connect');
  const transport = nodemailer.createTransport({
    connection: socket, host: 'localhost', auth: { user: 'me', pass: 'secret' }, requireTLS: true, tls: { ca: certificate().cert },
  });
  const attachment = Buffer.alloc(300_000, 'wallsocket ');
  const sent = await transport.sendMail({
    from: 'me@example.com', to: ['one@example.com', 'two@example.com'], subject: 'over our TCP', text: 'hello',
    attachments: [{ filename: 'notes.bin', content: attachment }],
  });
  equal(sent.response, '250 taken', 'response');
  const [{ data, to, secure }] = letters;
  equal(to, 'one@example.com,two@example.com', 'recipients');
  equal(secure, true, 'STARTTLS');
  equal(data.includes('Subject: over our TCP') && data.replaceAll('\r\n', '').includes(attachment.toString('base64')), true, 'the letter');
  return 'STARTTLS, AUTH, a letter with 300 KB attached';
}

async function sshScenario(ends) {
  const hostKey = ssh2.utils.generateKeyPairSync('ed25519').private;
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (context) => (context.method === 'password' && context.password === 'secret' ? context.accept() : context.reject()));
    client.on('session', (accept) => accept().on('exec', (acceptExec, reject, { command }) => {
      const channel = acceptExec();
      if (command === 'sum') {
        // Read by its events: an iterator would destroy the channel with the last byte.
        const hash = createHash('sha256');
        channel.on('data', (data) => hash.update(data)).on('end', () => {
          channel.write(hash.digest('hex'));
          channel.exit(0);
          channel.end();
        });
      } else {
        channel.stderr.write(`no such command: ${command}`);
        channel.exit(127);
        channel.end();
      }
    }));
  });
  const port = await ends.serve((socket) => server.injectSocket(socket));
  const client = new ssh2.Client();
  client.connect({ sock: ends.connect(port), username: 'me', password: 'secret', readyTimeout: 60_000 });
  await once(client, 'ready');
  const run = (command, input) => new Promise((resolve, reject) => client.exec(command, (error, channel) => {
    if (error) { reject(error); return; }
    const all = Promise.all([once(channel, 'exit').then(([code]) => code), text(channel), text(channel.stderr)]);
    channel.end(input);
    all.then((parts) => resolve(parts.join(' ')), reject);
  }));
  const input = Buffer.alloc(1_000_000, 'wallsocket ');
  const [summed, refused] = await Promise.all([run('sum', input), run('what', '')]);
  equal(summed, `0 ${sha256(input)} `, 'sum');
  equal(refused, '127  no such command: what', 'refusal');
  client.end();
  await once(client, 'close');
  return 'two channels at once, 1 MB up, exit codes, stderr';
}

export const messages = {
  'mqtt ↔ aedes': mqttScenario,
  'nodemailer ↔ smtp-server': mailScenario,
  'ssh2 ↔ ssh2': sshScenario,
};
