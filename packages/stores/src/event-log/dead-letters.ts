/** The subject of what could not be stored from a shard. */
export function deadLetterSubject(shard: number): string {
  return `dead-letters.${shard}`;
}
