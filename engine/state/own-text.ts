/**
 * A copy of a text that takes only its own memory. A part of a longer text, such as a level of a topic, otherwise keeps the longer one in memory.
 */
export function ownText(text: string): string {
  const short = Buffer.from(text, 'latin1').toString('latin1');
  return short === text ? short : Buffer.from(text, 'utf16le').toString('utf16le');
}
