/*
 * A release talks on standard error: what other programs read, such as the names of images, goes to standard output.
 */

/** Begins a part of the release. */
export const title = (text: string): void => console.error(`\n== ${text}`);

/** Says what is done, or what was found. */
export const say = (text: string): void => console.error(text);
