/** Does something `count` times, for each number from 0, a bounded number of them at the same time. */
export async function atOnce(
  count: number,
  limit: number,
  work: (number: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: limit }, one));
}
