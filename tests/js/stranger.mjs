// A page of somebody else's, and the ways by which a page may try to reach an app.

/** How long the browser may take to tell of an answer that it has had. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Tries them from `page`: what it learns by each, and beside it what it was answered as far as the
 * browser tells. `at` is an address of the app's, `script` a script and `socket` a WebSocket of it.
 * `ways` are those by which there is an answer to wait for.
 */
export async function reach(page, { at, script, socket }, ways) {
  const answers = {};
  page.on("response", (response) => {
    const by = new URL(response.url()).searchParams.get("by");
    if (by) answers[by] ??= response.status();
  });
  page.on("websocket", (opened) =>
    opened.on("socketerror", (error) => {
      const status = /\d+$/.exec(error);
      if (status) answers.socket = Number(status);
    }),
  );
  const learnt = await page.evaluate(
    async ({ at, script, socket }) => {
      const ask = (mode) =>
        fetch(`${at}?by=${mode}`, { mode, credentials: "include" }).then(
          ({ type, status }) => `${type} ${status}`,
          ({ name }) => name,
        );
      const loaded = (element, source) =>
        new Promise((resolve) => {
          element.onload = () => resolve("load");
          element.onerror = () => resolve("error");
          element.src = source;
          document.body.append(element);
        });
      const frame = document.createElement("iframe");
      return {
        cors: await ask("cors"),
        blind: await ask("no-cors"),
        script: await loaded(document.createElement("script"), script),
        frame: (await loaded(frame, `${at}?by=frame`)) && frame.contentDocument !== null,
        socket: await new Promise((resolve) => {
          const opened = new WebSocket(socket);
          opened.onopen = () => resolve("open");
          opened.onclose = ({ code }) => resolve(code);
        }),
      };
    },
    { at, script, socket },
  );
  const deadline = Date.now() + ANSWER_TIMEOUT_MS;
  while (ways.some((it) => !(it in answers)) && Date.now() < deadline) await page.waitForTimeout(50);
  return { learnt, answers };
}

/** Opens `url` in a window of its own, as `page` may: the window, and what `page` can read of it. */
export async function lead(page, url) {
  const opening = page.waitForEvent("popup");
  await page.evaluate((target) => (globalThis.opened = open(target)), url);
  const opened = await opening;
  await opened.waitForURL(`${url}**`);
  const read = await page.evaluate(() =>
    ["document", "localStorage", "origin"].map((name) => {
      try {
        return typeof globalThis.opened[name];
      } catch (error) {
        return error.name;
      }
    }),
  );
  return { opened, read };
}
