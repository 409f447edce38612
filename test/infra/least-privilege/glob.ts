/** Whether a text matches a pattern of IAM's: `*` stands for any text, also for none, and `?` for one character. */
export function matchesGlob(pattern: string, text: string): boolean {
  const expression = pattern
    .replaceAll(/[\\^$.|+()[\]{}]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 's').test(text);
}
