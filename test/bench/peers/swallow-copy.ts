/*
 * A way to Postgres on which COPY costs it nothing, as if it ran elsewhere and were never behind: rows are read off the
 * connection and dropped, and an empty COPY is passed on; all else is passed on as it is. A process of its own:
 * it sends its parent its port, and is sent the port of the Postgres behind it.
 */
import { connect, createServer, type AddressInfo } from 'node:net';

let target = 0;
process.on('message', (port) => (target = Number(port)));
const server = createServer({ noDelay: true }, (client) => {
  const postgres = connect({ port: target, host: '127.0.0.1', noDelay: true });
  const withoutRows = swallower();
  client.on('data', (part: Buffer) => {
    for (const passed of withoutRows(part)) postgres.write(passed);
  });
  postgres.pipe(client);
  client.on('close', () => postgres.destroy()).on('error', () => {});
  postgres.on('close', () => client.destroy()).on('error', () => {});
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

/** Types of message (PostgreSQL manual, “Message Formats”). */
const COPY_DATA = 0x64;
const COPY_DONE = 0x63;

/** A CopyData message with binary COPY data of no rows: signature, flags, length of the extension, trailer. */
const NO_ROWS = Buffer.concat([
  Buffer.from([COPY_DATA, 0, 0, 0, 4 + 21]),
  Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
]);

/** Follows the messages of one client; what it yields is to be passed on. */
function swallower(): (part: Buffer) => Generator<Buffer> {
  // The first message alone begins with its length, and not with its type.
  let header = Buffer.alloc(4);
  let filled = 0;
  let left = 0;
  let passing = true;
  return function* withoutRows(part) {
    for (let at = 0; at < part.length;) {
      if (left > 0) {
        const end = Math.min(part.length, at + left);
        if (passing) yield part.subarray(at, end);
        left -= end - at;
        at = end;
        continue;
      }
      const end = Math.min(part.length, at + header.length - filled);
      filled += part.copy(header, filled, at, end);
      at = end;
      if (filled < header.length) return;
      left = header.readUInt32BE(header.length - 4) - 4;
      const type = header.length === 5 ? header[0] : undefined;
      passing = type !== COPY_DATA;
      if (type === COPY_DONE) yield NO_ROWS;
      if (passing) yield header;
      header = Buffer.alloc(5);
      filled = 0;
    }
  };
}
