import { deepStrictEqual } from 'node:assert';
import { type Benchmark, spread, table, takeTurns } from './support/benchmark.ts';
import { CONNECTIONS, type Reads, type Request, REQUESTS, type Server, startReads } from './support/reads.ts';

const SECONDS = 3;

/** How many requests the api answers, and what each costs it, next to bare Fastify that answers the same. */
export default {
  title: 'Reads',
  rounds: 7,
  async run(rounds) {
    const reads = await startReads();
    try {
      await checkSame(reads);
      const lines: string[][] = [];
      for (const request of ['status', 'page'] as const)
        lines.push(...(await compare(reads, request, rounds)));
      return table(
        ['', 'requests/s', 'CPU of the process, µs a request', 'rate / bare', 'CPU / bare'],
        lines,
      );
    } finally {
      await reads.close();
    }
  },
} satisfies Benchmark;

async function compare(reads: Reads, request: Request, rounds: number): Promise<string[][]> {
  const { stowage, peer, records } = reads;
  const cost = new Map<Server, number[]>([
    [stowage, []],
    [peer, []],
  ]);
  const contender = (server: Server) => async () => {
    const before = await server.cpuSeconds();
    const { requests, seconds } = await reads.generator.run({
      url: server.url,
      path: server.paths[request],
      rows: records - 100,
      connections: CONNECTIONS,
      seconds: SECONDS,
    });
    cost.get(server)?.push((1e6 * ((await server.cpuSeconds()) - before)) / requests);
    return requests / seconds;
  };
  const turns = await takeTurns({ stowage: contender(stowage), peer: contender(peer) }, rounds);
  // Without the round that warms up.
  const [ours = [], theirs = []] = [...cost.values()].map((costs) => costs.slice(1));
  return [
    [
      `${REQUESTS[request]}: Stowage`,
      spread(turns.figures('stowage'), 0),
      spread(ours, 0),
      spread(turns.ratios('stowage', 'peer'), 2),
      spread(
        ours.map((each, round) => each / (theirs[round] ?? NaN)),
        2,
      ),
    ],
    [`${REQUESTS[request]}: bare Fastify`, spread(turns.figures('peer'), 0), spread(theirs, 0), '1', '1'],
  ];
}

/** Both must answer the same page. */
async function checkSame({ stowage, peer, records }: Reads): Promise<void> {
  const row = String(Math.floor(records / 2));
  const [ours, theirs] = await Promise.all(
    [stowage, peer].map(async ({ url, paths }) =>
      (await fetch(url + paths.page.replace('{row}', row))).json(),
    ),
  );
  deepStrictEqual(ours, theirs);
}
