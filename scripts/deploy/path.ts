import { fileURLToPath } from 'node:url';

/** A file of the project, by its path from the project's root. */
export const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
