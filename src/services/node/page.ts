// The page at `/`: one document, no script but its own, refreshed every second from /status.json.

export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>wallsocket</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222 }
  h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin-top: 2rem }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid #eee }
  td.n, th.n { text-align: right } small { color: #777 }
</style>
<h1>wallsocket <small>this page came through a TCP/IP stack written in TypeScript</small></h1>
<p>Try <a href="/hello">/hello</a>, <a href="/bytes/1000000">/bytes/1000000</a>.</p>
<h2>Traffic</h2><table id="counters"></table>
<h2>Connections</h2><table id="connections"></table>
<h2>Drops, by reason</h2><table id="drops"></table>
<h2>Limits</h2><table id="limits"></table>
<script>
  const cell = (value, tag) => {
    const e = document.createElement(tag);
    e.textContent = typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 3 }) : value;
    if (typeof value === 'number') e.className = 'n';
    return e;
  };
  const fill = (id, head, rows) => {
    const table = document.getElementById(id);
    const line = (values, tag) => {
      const tr = document.createElement('tr');
      tr.append(...values.map((value) => cell(value, tag)));
      return tr;
    };
    table.replaceChildren(line(head, 'th'), ...rows.map((row) => line(row, 'td')));
  };
  async function show() {
    const s = await (await fetch('/status.json')).json();
    fill('counters', ['', 'packets', 'bytes'], [['in', s.counters.rxPackets, s.counters.rxBytes], ['out', s.counters.txPackets, s.counters.txBytes]]);
    fill('connections', ['local', 'remote', 'state', 'in', 'out', 'rtt ms', 'cwnd', 'retransmits'],
      s.connections.map((c) => [c.local, c.remote, c.state, c.bytesIn, c.bytesOut, c.rttMs, c.cwnd, c.retransmits]));
    fill('drops', ['reason', 'packets'], Object.entries(s.drops));
    fill('limits', ['what', 'unit', 'used', 'max'], s.limits.map((l) => [l.name, l.unit, l.used, l.max]));
  }
  show();
  setInterval(show, 1000);
</script>
</html>
`;
