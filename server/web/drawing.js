// Draws one frame of the arena on a canvas.
//
// Data flow: a scene (who is where, who is who) -> here -> pixels. It keeps the size of the canvas
// and the colours of the page, and nothing of the game: the same scene is the same picture.

import { FIELD_SIZE, HEALTH_MAX, PLAYER_RADIUS, TURN } from './arena-messages.js';

/** Units of the field along the shorter side of the canvas. */
const VIEW_UNITS = 1500;
/** Units between two lines of the grid. */
const GRID = 500;
/** Nobody is drawn smaller than this, in CSS pixels. */
const RADIUS_MIN = 9;
/** Between the map and the edge, and above it where thumbs play, in CSS pixels. */
const MAP_MARGIN = 12;
const MAP_TOP = 60;
/** Hues are this far apart from one number of a player to the next, in degrees: far. */
const HUE_STEP = 137.5;
/** Between the three shades of one hue, of 1. */
const LIGHTNESS_STEP = 0.1;
/** What the style sheet says of both schemes. */
const COLOURS = [
  'field', 'outside', 'grid', 'wall', 'text', 'quiet', 'accent', 'absent', 'health', 'lightness',
];

/** The canvas, and how the field lies on it. */
export class Drawing {
  #canvas;
  #context;
  #colours;
  #width = 0;
  #height = 0;
  #scale = 1;
  #origin = { x: 0, y: 0 };

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#recolour());
    this.#resize();
    this.#recolour();
  }

  /** The colour of a player, the same on every page that shows it. */
  colour(player) {
    const hue = (player * HUE_STEP) % 360;
    // Neighbours in hue differ in lightness, so that a full room still has many colours.
    const lightness = Number(this.#colours.lightness) + ((player % 3) - 1) * LIGHTNESS_STEP;
    return `oklch(${lightness} 0.17 ${hue})`;
  }

  /** Where a point of the field is, in CSS pixels of the canvas. */
  place({ x, y }) {
    return { x: (x - this.#origin.x) * this.#scale, y: (y - this.#origin.y) * this.#scale };
  }

  /** Draws a frame; see `scene` in arena.js for what it is made of. */
  draw(scene) {
    this.#look(scene.centre);
    this.#drawField();
    for (const shot of scene.shots) this.#drawShot(shot);
    for (const player of scene.players.filter(({ isMe }) => !isMe)) this.#drawPlayer(player);
    for (const player of scene.players.filter(({ isMe }) => isMe)) this.#drawPlayer(player);
    for (const gone of scene.gone) this.#drawGone(gone);
    this.#drawMap(scene);
    for (const stick of scene.sticks) this.#drawStick(stick);
  }

  // The camera follows, and stops where there is nothing more to see.
  #look({ x, y }) {
    this.#scale = Math.min(this.#width, this.#height) / VIEW_UNITS;
    const along = (at, size) => {
      const seen = size / this.#scale;
      const margin = PLAYER_RADIUS * 2;
      if (seen >= FIELD_SIZE + 2 * margin) return (FIELD_SIZE - seen) / 2;
      return Math.min(Math.max(at - seen / 2, -margin), FIELD_SIZE + margin - seen);
    };
    this.#origin = { x: along(x, this.#width), y: along(y, this.#height) };
  }

  #drawField() {
    const context = this.#context;
    const { x, y } = this.place({ x: 0, y: 0 });
    const size = FIELD_SIZE * this.#scale;
    context.fillStyle = this.#colours.outside;
    context.fillRect(0, 0, this.#width, this.#height);
    context.fillStyle = this.#colours.field;
    context.fillRect(x, y, size, size);
    context.beginPath();
    for (let line = GRID; line < FIELD_SIZE; line += GRID) {
      const at = this.place({ x: line, y: line });
      context.moveTo(at.x, y);
      context.lineTo(at.x, y + size);
      context.moveTo(x, at.y);
      context.lineTo(x + size, at.y);
    }
    this.#stroke(this.#colours.grid, 1);
    context.beginPath();
    context.rect(x, y, size, size);
    this.#stroke(this.#colours.wall, 3);
  }

  #drawShot(shot) {
    const { x, y } = this.place(shot);
    const angle = (shot.direction / TURN) * 2 * Math.PI;
    const length = 14 * Math.max(this.#scale, 0.4);
    const context = this.#context;
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x - Math.cos(angle) * length, y - Math.sin(angle) * length);
    this.#stroke(this.#colours.text, 5);
    this.#stroke(this.colour(shot.owner), 3);
  }

  #drawPlayer(player) {
    const context = this.#context;
    const { x, y } = this.place(player);
    const radius = this.#radius;
    const isHere = player.presence === 'Here' && player.health > 0;
    const colour = isHere ? this.colour(player.player) : this.#colours.absent;
    context.globalAlpha = player.presence === 'Away' || player.health === 0 ? 0.6 : 1;
    if (player.isMe) this.#ring(x, y, radius + 6, this.#colours.accent, 2, []);
    const isArmed = player.health > 0 && player.presence !== 'Away';
    if (isArmed) this.#drawBarrel(x, y, radius, player.aim, colour);
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = player.presence === 'Away' ? this.#colours.field : colour;
    context.fill();
    const dashes = player.presence === 'Away' ? [4, 4] : [];
    this.#ring(x, y, radius, isHere ? this.#colours.text : this.#colours.absent, 1.5, dashes);
    context.globalAlpha = 1;
    if (player.mark !== '') this.#write(player.mark, x, y, this.#colours.text, 'bold ');
    if (player.health > 0 && player.health < HEALTH_MAX) this.#drawHealth(x, y, player.health);
    if (player.name !== '') this.#write(player.name, x, y + radius + 14, this.#colours.text);
    if (player.note !== '') this.#write(player.note, x, y + radius + 29, this.#colours.quiet);
  }

  #drawBarrel(x, y, radius, aim, colour) {
    const angle = (aim / TURN) * 2 * Math.PI;
    const [across, along] = [Math.cos(angle), Math.sin(angle)];
    this.#context.lineCap = 'round';
    this.#context.beginPath();
    this.#context.moveTo(x, y);
    this.#context.lineTo(x + across * radius * 1.55, y + along * radius * 1.55);
    this.#stroke(this.#colours.text, radius * 0.5 + 3);
    this.#stroke(colour, radius * 0.5);
  }

  #drawHealth(x, y, health) {
    const context = this.#context;
    const width = this.#radius * 2;
    const top = y - this.#radius - 14;
    context.fillStyle = this.#colours.text;
    context.fillRect(x - width / 2 - 1, top - 1, width + 2, 6);
    context.fillStyle = this.#colours.field;
    context.fillRect(x - width / 2, top, width, 4);
    context.fillStyle = this.#colours.health;
    context.fillRect(x - width / 2, top, (width * health) / HEALTH_MAX, 4);
  }

  #drawGone({ x, y, text, share }) {
    const at = this.place({ x, y });
    this.#context.globalAlpha = share;
    this.#ring(at.x, at.y, this.#radius * (2 - share), this.#colours.absent, 2, [2, 6]);
    this.#write(text, at.x, at.y + this.#radius + 14, this.#colours.text);
    this.#context.globalAlpha = 1;
  }

  // Where everybody is: below on the right, or above the thumbs.
  #drawMap({ players, isTouch }) {
    const context = this.#context;
    const size = Math.min(120, this.#width / 4, this.#height / 4);
    const left = isTouch ? MAP_MARGIN : this.#width - size - MAP_MARGIN;
    const top = isTouch ? MAP_TOP : this.#height - size - MAP_MARGIN;
    context.globalAlpha = 0.85;
    context.fillStyle = this.#colours.outside;
    context.fillRect(left, top, size, size);
    context.globalAlpha = 1;
    context.beginPath();
    context.rect(left, top, size, size);
    this.#stroke(this.#colours.wall, 1);
    for (const player of players) {
      const [x, y] = [player.x, player.y].map((at) => (at / FIELD_SIZE) * size);
      const isHere = player.presence === 'Here' && player.health > 0;
      context.beginPath();
      context.arc(left + x, top + y, player.isMe ? 4 : 3, 0, 2 * Math.PI);
      context.fillStyle = isHere ? this.colour(player.player) : this.#colours.absent;
      context.fill();
      if (player.isMe) this.#ring(left + x, top + y, 5.5, this.#colours.accent, 1.5, []);
    }
  }

  #drawStick({ start, knob, radius }) {
    this.#context.globalAlpha = 0.6;
    this.#ring(start.x, start.y, radius, this.#colours.text, 2, []);
    this.#context.beginPath();
    this.#context.arc(knob.x, knob.y, radius / 2, 0, 2 * Math.PI);
    this.#context.fillStyle = this.#colours.accent;
    this.#context.fill();
    this.#context.globalAlpha = 1;
  }

  get #radius() {
    return Math.max(PLAYER_RADIUS * this.#scale, RADIUS_MIN);
  }

  #ring(x, y, radius, colour, width, dashes) {
    this.#context.beginPath();
    this.#context.arc(x, y, radius, 0, 2 * Math.PI);
    this.#context.setLineDash(dashes);
    this.#stroke(colour, width);
    this.#context.setLineDash([]);
  }

  #stroke(colour, width) {
    this.#context.strokeStyle = colour;
    this.#context.lineWidth = width;
    this.#context.stroke();
  }

  #write(text, x, y, colour, weight = '') {
    const context = this.#context;
    context.font = `${weight}13px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.lineJoin = 'round';
    // What is at the edge can still be read.
    const half = context.measureText(text).width / 2 + 4;
    const isSeen = x > 0 && x < this.#width;
    if (isSeen) x = Math.min(Math.max(x, half), this.#width - half);
    context.strokeStyle = this.#colours.field;
    context.lineWidth = 3;
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  #resize() {
    const ratio = devicePixelRatio;
    this.#width = this.#canvas.clientWidth;
    this.#height = this.#canvas.clientHeight;
    this.#canvas.width = Math.round(this.#width * ratio);
    this.#canvas.height = Math.round(this.#height * ratio);
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  // The colours are the style sheet's, so that there is one place for both schemes.
  #recolour() {
    const style = getComputedStyle(this.#canvas);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    this.#colours = Object.fromEntries(COLOURS.map((name) => [name, of(name)]));
  }
}
