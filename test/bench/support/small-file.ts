const BYTES = 10_000;

/** A CSV of 10 kB. */
export function smallFile(): string {
  let text = 'id,name,number,fraction,quoted\n';
  for (let row = 1; text.length < BYTES; row++) {
    text += `${row},name ${row},${(row * 7919) % 100_003},${row / 8},"quoted, ${row}"\n`;
  }
  return text;
}
