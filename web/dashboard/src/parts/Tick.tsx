/** The box of a checkbox; its style follows what react-aria says of the checkbox. */
export function Tick() {
  return (
    <span className="tick" aria-hidden="true">
      <svg viewBox="0 0 16 16">
        <path d="M3.5 8.5l3 3 6-7" />
      </svg>
    </span>
  );
}
