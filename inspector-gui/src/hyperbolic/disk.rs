//! Geometry of the Poincaré disk: points are complex numbers of modulus below 1,
//! straight lines are arcs that meet the unit circle at right angles, and motions
//! are the Möbius transformations that keep the disk.
//!
//! A point at hyperbolic distance `d` from the centre lies at `tanh(d / 2)`.

use std::f64::consts::PI;
use std::ops::{Add, Div, Mul, Sub};

/// A point of the plane, as a complex number.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Point {
    /// Real part, to the right.
    pub x: f64,
    /// Imaginary part.
    pub y: f64,
}

impl Point {
    /// The centre of the disk.
    pub const ZERO: Point = Point { x: 0.0, y: 0.0 };

    /// From its parts.
    pub const fn new(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    /// On the unit circle, at an angle.
    pub fn unit(angle: f64) -> Point {
        let (y, x) = angle.sin_cos();
        Point { x, y }
    }

    /// Mirrored at the real axis.
    pub fn conj(self) -> Point {
        Point { x: self.x, y: -self.y }
    }

    /// Square of its distance to the centre.
    pub fn norm2(self) -> f64 {
        self.x * self.x + self.y * self.y
    }

    /// Distance to the centre.
    pub fn norm(self) -> f64 {
        self.norm2().sqrt()
    }

    /// Angle from the real axis.
    pub fn angle(self) -> f64 {
        self.y.atan2(self.x)
    }

    /// Times a real number.
    pub fn scale(self, by: f64) -> Point {
        Point { x: self.x * by, y: self.y * by }
    }
}

impl Add for Point {
    type Output = Point;
    fn add(self, other: Point) -> Point {
        Point { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Point {
    type Output = Point;
    fn sub(self, other: Point) -> Point {
        Point { x: self.x - other.x, y: self.y - other.y }
    }
}

impl Mul for Point {
    type Output = Point;
    fn mul(self, other: Point) -> Point {
        Point { x: self.x * other.x - self.y * other.y, y: self.x * other.y + self.y * other.x }
    }
}

impl Div for Point {
    type Output = Point;
    fn div(self, other: Point) -> Point {
        (self * other.conj()).scale(1.0 / other.norm2())
    }
}

/// A motion of the disk that keeps distances and orientation:
/// `z ↦ (a z + b) / (b̄ z + ā)` with `|a|² − |b|² = 1`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Motion {
    a: Point,
    b: Point,
}

impl Motion {
    /// Leaves everything where it is.
    pub const IDENTITY: Motion = Motion { a: Point::new(1.0, 0.0), b: Point::ZERO };

    /// Turns around the centre.
    pub fn turn(angle: f64) -> Motion {
        Motion { a: Point::unit(angle / 2.0), b: Point::ZERO }
    }

    /// Moves the centre to the right by a distance.
    pub fn forward(distance: f64) -> Motion {
        let half = distance / 2.0;
        Motion { a: Point::new(half.cosh(), 0.0), b: Point::new(half.sinh(), 0.0) }
    }

    /// Moves `point` to the centre, along the line between them.
    pub fn to_center(point: Point) -> Motion {
        let scale = 1.0 / (1.0 - point.norm2()).max(1e-300).sqrt();
        Motion { a: Point::new(scale, 0.0), b: point.scale(-scale) }
    }

    /// Moves `from` to where `to` is: by way of the centre.
    pub fn carry(from: Point, to: Point) -> Motion {
        Motion::to_center(to).inverse().after(Motion::to_center(from))
    }

    /// The part `share` (0 to 1) of [`Motion::to_center`]: on the same line, at
    /// the same speed.
    pub fn toward_center(point: Point, share: f64) -> Motion {
        let norm = point.norm();
        if norm == 0.0 {
            return Motion::IDENTITY;
        }
        let part = (share * norm.min(1.0 - 1e-15).atanh()).tanh();
        Motion::to_center(point.scale(part / norm))
    }

    /// How much it shrinks lengths at a point, squared: of two points the square of the distance
    /// is divided by the product of their two.
    #[inline]
    pub fn shrinks(self, point: Point) -> f64 {
        (self.b.conj() * point + self.a.conj()).norm2()
    }

    /// This motion after another one.
    pub fn after(self, first: Motion) -> Motion {
        let a = self.a * first.a + self.b * first.b.conj();
        let b = self.a * first.b + self.b * first.a.conj();
        // Products of many drift off: back to determinant 1.
        let scale = 1.0 / (a.norm2() - b.norm2()).abs().max(1e-300).sqrt();
        Motion { a: a.scale(scale), b: b.scale(scale) }
    }

    /// The motion back.
    pub fn inverse(self) -> Motion {
        Motion { a: self.a.conj(), b: self.b.scale(-1.0) }
    }

    /// Where a point goes.
    #[inline]
    pub fn apply(self, z: Point) -> Point {
        (self.a * z + self.b) / (self.b.conj() * z + self.a.conj())
    }

    /// Where the centre goes.
    #[inline]
    pub fn center(self) -> Point {
        self.b / self.a.conj()
    }

    /// By how much a motion that keeps the centre turns, from −π to π.
    pub fn angle(self) -> f64 {
        let angle = 2.0 * self.a.angle();
        (angle + PI).rem_euclid(2.0 * PI) - PI
    }
}

/// Hyperbolic distance.
pub fn distance(p: Point, q: Point) -> f64 {
    let one = Point::new(1.0, 0.0);
    2.0 * ((p - q) / (one - p.conj() * q)).norm().min(1.0 - 1e-16).atanh()
}

/// A circle of the plane.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Circle {
    /// Its centre.
    pub center: Point,
    /// Its radius.
    pub radius: f64,
}

/// How the disc of hyperbolic radius `radius` around `z` looks in the plane.
pub fn disc(z: Point, radius: f64) -> Circle {
    let t = (radius / 2.0).tanh();
    let below = 1.0 - t * t * z.norm2();
    Circle { center: z.scale((1.0 - t * t) / below), radius: t * (1.0 - z.norm2()) / below }
}

/// The circle that the line through two points lies on; `None` where the line
/// passes (nearly) through the centre and is straight.
pub fn line(p: Point, q: Point) -> Option<Circle> {
    let cross = p.x * q.y - p.y * q.x;
    if cross.abs() < 1e-4 {
        return None;
    }
    let (p2, q2) = (1.0 + p.norm2(), 1.0 + q.norm2());
    let x = (p2 * q.y - q2 * p.y) / (2.0 * cross);
    let y = (q2 * p.x - p2 * q.x) / (2.0 * cross);
    let center = Point::new(x, y);
    Some(Circle { center, radius: (center.norm2() - 1.0).max(0.0).sqrt() })
}

/// Points on the line from `p` to `q`, both included, in `parts` equal parts.
pub fn line_points(p: Point, q: Point, parts: usize) -> impl Iterator<Item = Point> {
    let parts = parts.max(1);
    let circle = line(p, q).filter(|_| parts > 1);
    let (start, turn) = circle.map_or((0.0, 0.0), |circle| {
        let (start, end) = ((p - circle.center).angle(), (q - circle.center).angle());
        // The arc inside the disk is the shorter one.
        (start, (end - start + PI).rem_euclid(2.0 * PI) - PI)
    });
    (0..=parts).map(move |at| {
        let share = at as f64 / parts as f64;
        match circle {
            _ if at == 0 => p,
            _ if at == parts => q,
            Some(circle) => circle.center + Point::unit(start + turn * share).scale(circle.radius),
            None => p.scale(1.0 - share) + q.scale(share),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 to 1, always the same.
    fn numbers(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    fn point(next: &mut impl FnMut() -> f64) -> Point {
        Point::unit(next() * 2.0 * PI).scale((next() * 3.0).tanh())
    }

    fn motion(next: &mut impl FnMut() -> f64) -> Motion {
        (0..3).fold(Motion::turn(next() * 6.0), |all, _| {
            all.after(Motion::forward(next() * 2.0)).after(Motion::turn(next() * 6.0))
        })
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * (1.0 + a.abs())
    }

    #[test]
    fn motions_keep_distances_and_the_disk() {
        let mut next = numbers(1);
        for _ in 0..2000 {
            let (m, p, q) = (motion(&mut next), point(&mut next), point(&mut next));
            let (mp, mq) = (m.apply(p), m.apply(q));
            assert!(mp.norm() < 1.0 && mq.norm() < 1.0);
            assert!(near(distance(p, q), distance(mp, mq)), "{p:?} {q:?} {m:?}");
            assert!((m.center() - m.apply(Point::ZERO)).norm() < 1e-12);
        }
    }

    #[test]
    fn motions_have_inverses_and_associate() {
        let mut next = numbers(2);
        for _ in 0..2000 {
            let (m, n, z) = (motion(&mut next), motion(&mut next), point(&mut next));
            assert!((m.inverse().apply(m.apply(z)) - z).norm() < 1e-6);
            assert!((m.after(n).apply(z) - m.apply(n.apply(z))).norm() < 1e-6);
            assert!((m.after(m.inverse()).apply(z) - z).norm() < 1e-6);
        }
    }

    /// A hundred thousand steps forward and back: still a motion, still here.
    #[test]
    fn long_products_do_not_drift_off() {
        let step = Motion::turn(0.3).after(Motion::forward(0.9));
        let mut frame = Motion::IDENTITY;
        for _ in 0..100_000 {
            frame = frame.after(step).after(step.inverse());
        }
        assert!(frame.center().norm() < 1e-6);
        assert!(near(distance(Point::ZERO, Motion::forward(0.9).center()), 0.9));
    }

    #[test]
    fn carrying_and_centring_go_where_they_say() {
        let mut next = numbers(3);
        for _ in 0..500 {
            let (p, q) = (point(&mut next), point(&mut next));
            assert!((Motion::carry(p, q).apply(p) - q).norm() < 1e-9);
            assert!(Motion::to_center(p).apply(p).norm() < 1e-9);
            // On the way the point stays on the line to the centre, at constant speed.
            let whole = distance(Point::ZERO, p);
            for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
                let at = Motion::toward_center(p, share).apply(p);
                assert!((distance(Point::ZERO, at) - whole * (1.0 - share)).abs() < 1e-6);
                assert!((at.x * p.y - at.y * p.x).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn lines_are_shortest_and_inside() {
        let mut next = numbers(4);
        for _ in 0..500 {
            let (p, q) = (point(&mut next), point(&mut next));
            let points: Vec<Point> = line_points(p, q, 16).collect();
            assert_eq!((points[0], points[16]), (p, q));
            assert!(points.iter().all(|z| z.norm() < 1.0));
            let length: f64 = points.windows(2).map(|pair| distance(pair[0], pair[1])).sum();
            let straight = distance(p, q);
            assert!(length >= straight - 1e-6 && length <= straight * 1.01 + 1e-3, "{length} {straight}");
            if let Some(circle) = line(p, q) {
                assert!(near(circle.radius * circle.radius + 1.0, circle.center.norm2()), "at right angles");
            }
        }
    }

    #[test]
    fn discs_have_their_radius_everywhere() {
        let mut next = numbers(5);
        for _ in 0..500 {
            let (z, radius) = (point(&mut next), 0.01 + next());
            let circle = disc(z, radius);
            for angle in 0..8 {
                let rim = circle.center + Point::unit(f64::from(angle)).scale(circle.radius);
                assert!((distance(z, rim) - radius).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn turns_have_their_angle() {
        for angle in [-3.0, -1.0, 0.0, 0.5, 3.1] {
            assert!(near(Motion::turn(angle).angle(), angle), "{angle}");
        }
        assert!(near(Motion::turn(4.0).angle(), 4.0 - 2.0 * PI));
    }
}
