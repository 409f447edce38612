/* A service to supervise: healthy at once, ends as it is told, and stops on SIGTERM unless it is STUBBORN. */
import { createServer } from 'node:http';

createServer((request, response) => {
  const [, action, argument] = (request.url ?? '').split('/');
  response.end();
  if (action === 'exit') process.exit(Number(argument));
}).listen(Number(process.env['PORT']), '127.0.0.1', () => process.stdout.write(`listening ${process.pid}\n`));
process.on('SIGTERM', () => {
  process.stderr.write('stopping\n');
  if (!process.env['STUBBORN']) process.exit(0);
});
if (process.env['BROKEN']) process.exit(7);
