/** What takes the place of what was sent in a field, where nothing else was typed while the answer was on its way. */
export const replacing =
  <T>(sent: T, next: T) =>
  (now: T): T =>
    now === sent ? next : now;
