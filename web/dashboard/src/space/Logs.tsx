import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { ToggleButton } from "react-aria-components";

import { graphql } from "../graphql";
import { Button } from "../parts/Button";
import { useSession } from "../session/session";
import type { Space } from "../spaces/space";
import { silenceOf } from "../spaces/status";
import { KEPT_LINES, Log, NO_LINES, type Line, type Lines } from "./lines";

const SpaceLogs = graphql(`
  subscription SpaceLogs($id: ID!, $tail: Int) {
    spaceLogs(id: $id, tail: $tail) {
      at
      stream
      text
    }
  }
`);

const TAIL = 1_000;
/** Nearer to the end than this is at the end. */
const NEAR_PX = 40;

/** What a space writes, as it writes it. */
export function Logs({ space }: { space: Space }) {
  const { lines, waiting, isPaused, setIsPaused, clear } = useLines(space.id);
  const [wraps, setWraps] = useState(false);
  const [follows, setFollows] = useState(true);
  const view = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (follows) view.current?.scrollTo({ top: view.current.scrollHeight });
  }, [lines, follows, wraps]);
  const scrolled = (): void => {
    const { scrollTop = 0, clientHeight = 0, scrollHeight = 0 } = view.current ?? {};
    setFollows(scrollHeight - scrollTop - clientHeight < NEAR_PX);
  };
  return (
    <section className="card" aria-labelledby="logs">
      <header>
        <h2 id="logs">Logs</h2>
        <div className="buttons">
          <ToggleButton className="button small" isSelected={isPaused} onChange={setIsPaused}>
            {isPaused ? `Paused${waiting > 0 ? `, ${waiting} new` : ""}` : "Pause"}
          </ToggleButton>
          <ToggleButton className="button small" isSelected={wraps} onChange={setWraps}>
            Wrap
          </ToggleButton>
          <ToggleButton className="button small" isSelected={follows} onChange={setFollows}>
            Follow
          </ToggleButton>
          <Button isSmall onPress={clear}>
            Clear
          </Button>
        </div>
      </header>
      <div
        className="log live"
        ref={view}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label="What the space wrote"
        data-wrap={wraps || undefined}
        onScroll={scrolled}
      >
        <ol>
          {lines.kept.map((line) => (
            <LogLine key={line.number} line={line} />
          ))}
        </ol>
      </div>
      <p className="hint">
        {lines.count === 0
          ? silenceOf(space)
          : `The newest ${Math.min(lines.count, KEPT_LINES)} lines. Lines of standard error have a red edge.`}
      </p>
    </section>
  );
}

function LogLine({ line }: { line: Line }) {
  return (
    <li data-stream={line.stream}>
      <time dateTime={line.at}>{new Date(line.at).toLocaleTimeString("en-GB")}</time>
      <bdi>{line.text}</bdi>
    </li>
  );
}

/** Lines come one by one; they are shown by the frame. While it is paused they wait. */
function useLines(id: string) {
  const { link } = useSession();
  const [log] = useState(() => new Log());
  const [lines, setLines] = useState<Lines>(NO_LINES);
  const [waiting, setWaiting] = useState(0);
  const [isPaused, setIsPaused] = useState(false);
  const holds = useRef(isPaused);
  const show = (): void => {
    const came = log.lines();
    const isHeld = holds.current;
    setLines((shown) => {
      setWaiting(came.count - shown.count);
      return isHeld ? shown : came;
    });
  };
  useEffect(() => {
    let frame = 0;
    const flush = (): void => {
      frame = 0;
      show();
    };
    const stop = link.follow({
      document: SpaceLogs,
      variables: () => ({ id, tail: TAIL }),
      begins: () => log.begins(),
      takes: ({ spaceLogs: { at, stream, text } }) => {
        log.takes({ at, stream, text });
        // In a tab that isn't seen it comes once it is.
        frame ||= requestAnimationFrame(flush);
      },
    });
    return () => {
      cancelAnimationFrame(frame);
      stop();
    };
  }, [id, link]);
  return {
    lines,
    waiting,
    isPaused,
    setIsPaused: (isPaused: boolean): void => {
      holds.current = isPaused;
      setIsPaused(isPaused);
      show();
    },
    clear: (): void => {
      log.clear();
      setLines(log.lines());
    },
  };
}
