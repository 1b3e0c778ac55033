// As much of a Redis server as its clients want for keys and values: RESP 2, one request after the other, pipelined or not.

/** Takes connections for as long as it lives; all of them see the same keys. */
export function redisServer() {
  const values = new Map();
  return (socket) => {
    let rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      rest = rest.length > 0 ? Buffer.concat([rest, data]) : data;
      for (let request = parse(rest); request !== null; request = parse(rest)) {
        rest = rest.subarray(request.length);
        socket.write(answer(values, request.words));
        if (String(request.words[0]).toUpperCase() === 'QUIT') socket.end();
      }
    });
  };
}

/** An array of bulk strings at the start of `bytes`; null: it is not whole yet. */
function parse(bytes) {
  let at = 0;
  const number = () => {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return null;
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  const count = number();
  if (count === null) return null;
  const words = [];
  for (let i = 0; i < count; i++) {
    const length = number();
    if (length === null || at + length + 2 > bytes.length) return null;
    words.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
  return { words, length: at };
}

const bulk = (value) => (value === undefined ? '$-1\r\n' : Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]));

function answer(values, [name, key, value]) {
  const command = String(name).toUpperCase();
  switch (command) {
    case 'PING': return '+PONG\r\n';
    case 'QUIT': case 'SELECT': case 'CLIENT': return '+OK\r\n';
    case 'INFO': return bulk(Buffer.from('redis_version:7.0.0\r\nloading:0\r\n'));
    case 'SET': {
      values.set(String(key), Buffer.from(value));
      return '+OK\r\n';
    }
    case 'GET': return bulk(values.get(String(key)));
    case 'INCR': {
      const next = Number(values.get(String(key)) ?? 0) + 1;
      values.set(String(key), Buffer.from(String(next)));
      return `:${next}\r\n`;
    }
    default: return `-ERR unknown command '${command}'\r\n`;
  }
}
