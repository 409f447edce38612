import { once } from 'node:events';
import type { PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/**
 * Sends blocks into a `COPY … FROM STDIN`; ends when Postgres has taken them all, or fails with its error. The next block
 * is asked for when the system has taken the one before: a block larger than a stream's buffer (16 KiB) may be used again
 * then.
 *
 * Not by `pipeline`: when Postgres ends the COPY, `pipeline` destroys the stream, which then waits for the answer to a
 * CopyFail that can never come, and the message that is being worked on would hang until its deadline.
 */
export async function copyIn(
  client: PoolClient,
  statement: string,
  blocks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const copy = client.query(copyFrom(statement));
  const finished = once(copy, 'finish');
  // What ends it may come at any time, also while a block is made and nobody waits for it; then nothing may be written any
  // more. Who listens stays: what follows from the first error would end the process otherwise.
  let failure: Error | undefined;
  copy.on('error', (error) => (failure ??= error));
  finished.catch(() => undefined);
  try {
    for await (const block of blocks) {
      if (failure) throw failure;
      if (!copy.write(block)) await Promise.race([once(copy, 'drain'), finished]);
    }
    if (failure) throw failure;
  } catch (error) {
    // When the blocks failed and not Postgres, it must be told, or it would wait for more of them.
    if (!failure) copy.destroy(error as Error);
    await finished.catch(() => undefined);
    throw error;
  }
  copy.end();
  await finished;
}
