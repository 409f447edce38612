/** A process of the platform, for lifecycle.test.ts: three parts, and the misfortune that its argument names. */
import { Type } from 'typebox';
// Not from index.ts: the AWS clients, which it would load, take longer than all else here.
import { loadConfig } from '../src/config.ts';
import { startProcess } from '../src/lifecycle.ts';
import { processSettings } from '../src/settings.ts';

const { LOG_LEVEL, VERSION } = processSettings;
const schema = Type.Object({
  LOG_LEVEL,
  VERSION,
  QUEUE: Type.String({ description: 'where work is' }),
  STOP_DEADLINE_MS: Type.Integer({ default: 5_000, minimum: 100, description: 'how long stopping may take' }),
});
const misfortune = process.argv[2];

await startProcess({
  service: 'program',
  readConfig: () => loadConfig(schema),
  stopDeadlineMs: (config) => config.STOP_DEADLINE_MS,
  async start({ log, registry, onStop, finish }) {
    const alive = setInterval(() => undefined, 1_000);
    onStop('first', () => clearInterval(alive));
    onStop('second', () => {
      if (misfortune === 'stop-fails') throw new Error('second will not');
      return misfortune === 'stop-hangs' ? new Promise(() => undefined) : undefined;
    });
    if (misfortune === 'start-fails') throw new Error('no third part');
    if (misfortune === 'start-fails-stop-hangs') {
      onStop('third', () => new Promise(() => undefined));
      throw new Error('no fourth part');
    }
    if (misfortune === 'start-hangs') {
      log.info('hanging');
      await new Promise(() => undefined);
    }
    onStop('third', () => Promise.resolve({ drained: 3 }));
    const { values } = (await registry.getSingleMetric('build_info')?.get()) ?? { values: [] };
    log.info({ build: values[0]?.labels }, 'ready');
    if (misfortune === 'finish') {
      finish();
      await new Promise(() => undefined);
    }
    if (misfortune === 'exception') {
      setImmediate(() => {
        throw new Error('nobody caught me');
      });
    }
    if (misfortune === 'rejection') void Promise.reject(new Error('nobody awaited me'));
  },
});
