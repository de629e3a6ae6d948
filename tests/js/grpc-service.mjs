// A gRPC service whose messages are plain bytes, so that it needs no schema.

const method = (path, requestStream, responseStream) => ({
  path: `/spaceport.Test/${path}`,
  requestStream,
  responseStream,
  requestSerialize: (it) => it,
  requestDeserialize: (it) => it,
  responseSerialize: (it) => it,
  responseDeserialize: (it) => it,
});

export const service = {
  /** Answers with the message. Metadata `x-*` come back as headers and as trailers. */
  echo: method('Echo', false, false),
  /** Sends each of the message's bytes as a message, the next when `next` is called. */
  spell: method('Spell', false, true),
  /** Lets one `spell` go on. */
  next: method('Next', false, false),
  /** Answers with the number of bytes. */
  count: method('Count', true, false),
  /** Answers every message at once. */
  talk: method('Talk', true, true),
  /** Fails with the code the message names, and trailers. */
  fail: method('Fail', false, false),
  /** Never answers. */
  wait: method('Wait', false, false),
  /** Answers when so many calls of `wait` were cancelled. */
  cancelled: method('Cancelled', false, false),
};
