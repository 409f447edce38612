import { startApplication } from '../support/application.ts';
import { type Benchmark, median, spread, table, takeTurns } from './support/benchmark.ts';
import { COLUMNS, csvFile, RECORDS } from './support/file.ts';
import { loaders } from './support/loaders.ts';
import { load, remove } from './support/stowage.ts';

const OURS = 'Stowage, one worker';

/** From `complete` to `ready`, next to what people load a CSV file with. */
const benchmark: Benchmark = {
  title: 'Loading a file',
  rounds: 5,
  async run(rounds) {
    const file = await csvFile(RECORDS);
    const application = await startApplication({ fsync: true });
    try {
      const all = loaders(application.stack, file);
      const peers = all.filter((peer) => peer.version !== undefined);
      const contenders = { [OURS]: ours, ...Object.fromEntries(peers.map((peer) => [peer.name, peer.load])) };
      async function ours(): Promise<number> {
        const { seconds, id } = await load(application, file);
        await remove(application, id);
        return seconds;
      }
      const { figures, ratios } = await takeTurns(contenders, rounds);
      const rows = Object.keys(contenders).map((name) => [
        name,
        spread(figures(name), 2),
        (file.bytes / 1e6 / median(figures(name))).toFixed(0),
        name === OURS ? '' : spread(ratios(name, OURS), 2),
      ]);
      const missing = all.filter((peer) => peer.version === undefined).map((peer) => peer.name);
      return [
        `One file of ${(file.bytes / 1e6).toFixed(0)} MB, ${file.records.toLocaleString('en-US')} records, ${Object.keys(COLUMNS).length} columns.`,
        '',
        table(['', 'seconds', 'MB/s', 'Stowage is … times as fast'], rows),
        '',
        `Peers: ${peers.map((peer) => `${peer.name}: ${peer.version}`).join('; ')}.`,
        ...(missing.length > 0 ? [`Not on this machine: ${missing.join(', ')}.`] : []),
      ].join('\n');
    } finally {
      await application.close();
      file.remove();
    }
  },
};
export default benchmark;
