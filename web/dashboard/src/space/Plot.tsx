import { counted } from "../parts/format";
import { spanOf, type Point } from "./samples";

export interface Curve {
  label: string;
  points: readonly Point[];
}

interface Props {
  title: string;
  curves: readonly Curve[];
  /** The top of the scale. */
  ceiling: number;
  words: (value: number) => string;
}

const WIDTH = 400;
const HEIGHT = 120;
const GRID = [0, 0.25, 0.5, 0.75, 1];

/** What was used over the last minutes, drawn; the newest values stand beside it in words. */
export function Plot({ title, curves, ceiling, words }: Props) {
  const end = Math.max(...curves.flatMap(({ points }) => points.at(-1)?.at ?? 0));
  const span = spanOf(curves[0]?.points ?? []);
  const x = (at: number): string => (WIDTH * (1 - (end - at) / span)).toFixed(1);
  const y = (value: number): string => (HEIGHT * (1 - Math.min(value / ceiling, 1))).toFixed(1);
  const path = (points: readonly Point[]): string =>
    points.map(({ at, value }, index) => `${index === 0 ? "M" : "L"}${x(at)} ${y(value)}`).join("");
  const area = (points: readonly Point[]): string => {
    const [first, last] = [points[0], points.at(-1)];
    return first && last ? `${path(points)}L${x(last.at)} ${HEIGHT}L${x(first.at)} ${HEIGHT}Z` : "";
  };
  const told = curves.map(({ label, points }) => `${label} ${words(points.at(-1)?.value ?? 0)}`);
  return (
    <figure className="card figure">
      <figcaption>
        <h2>{title}</h2>
        <ul className="legend">
          {told.map((text, index) => (
            <li key={text.split(" ")[0]}>
              <svg className="plot-key" viewBox="0 0 20 8" aria-hidden="true">
                <path className={index === 0 ? "curve" : "curve second"} d="M0 4H20" />
              </svg>
              <span className="number">{text}</span>
            </li>
          ))}
        </ul>
      </figcaption>
      <div className="plot-frame">
        <span className="top-scale quiet number" aria-hidden="true">
          {words(ceiling)}
        </span>
        <svg
          className="plot"
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title} over the last minutes: ${summary(curves, words)}`}
        >
          {GRID.map((share) => (
            <path key={share} className="grid" d={`M0 ${HEIGHT * share}H${WIDTH}`} />
          ))}
          {curves.map(({ label, points }, index) => (
            <g key={label}>
              {index === 0 && <path className="area" d={area(points)} />}
              <path className={index === 0 ? "curve" : "curve second"} d={path(points)} />
            </g>
          ))}
        </svg>
        <div className="scale" aria-hidden="true">
          <span>{counted(Math.round(span / 60_000), "minute")} ago</span>
          <span>now</span>
        </div>
      </div>
    </figure>
  );
}

function summary(curves: readonly Curve[], words: (value: number) => string): string {
  return curves
    .map(({ label, points }) => {
      const values = points.map(({ value }) => value);
      if (values.length === 0) return `${label} unknown`;
      return `${label} from ${words(Math.min(...values))} to ${words(Math.max(...values))}`;
    })
    .join("; ");
}
