/** Runs a program; an error that a person can act on becomes one line instead of a stack. */
export async function explained(program: () => Promise<void>): Promise<void> {
  try {
    await program();
  } catch (error) {
    const { name, message, stack } = error as Error;
    console.error(name === 'Error' || name === 'PortError' ? `stowage: ${message}` : stack);
    process.exit(1);
  }
}
