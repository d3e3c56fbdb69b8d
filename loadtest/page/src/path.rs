//! Series as SVG path data, in a plane of a thousand by a thousand whose y grows downwards.

use std::fmt::Write as _;

use crate::scale::Axis;

/// Width and height of the plane.
pub const SIDE: f64 = 1_000.0;

/// A line through the points, broken at gaps; a point between two gaps is a dot.
pub fn line(points: &[(f64, f64)], x: &Axis, y: &Axis) -> String {
    let mut data = String::new();
    for run in runs(points) {
        for (index, point) in run.iter().enumerate() {
            let (across, down) = place(*point, x, y);
            let word = if index == 0 { 'M' } else { 'L' };
            put(&mut data, format_args!("{word}{across} {down}"));
        }
        if run.len() == 1 {
            data.push_str("h0");
        }
    }
    data
}

/// The area between the points and the foot of the plane.
pub fn area(points: &[(f64, f64)], x: &Axis, y: &Axis) -> String {
    let mut data = String::new();
    for run in runs(points) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let (begin, _) = place(*first, x, y);
        put(&mut data, format_args!("M{begin} {}", number(SIDE)));
        for point in run {
            let (across, down) = place(*point, x, y);
            put(&mut data, format_args!("L{across} {down}"));
        }
        let (end, _) = place(*last, x, y);
        put(&mut data, format_args!("L{end} {}Z", number(SIDE)));
    }
    data
}

/// The points of a staircase: each value holds until the next point's x.
pub fn stairs(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut steps = Vec::with_capacity(points.len() * 2);
    for pair in points.windows(2) {
        steps.push(pair[0]);
        steps.push((pair[1].0, pair[0].1));
    }
    steps.extend(points.last());
    steps
}

/// Stretches without gaps.
fn runs(points: &[(f64, f64)]) -> impl Iterator<Item = &[(f64, f64)]> {
    let gap = |point: &(f64, f64)| !point.0.is_finite() || !point.1.is_finite();
    points.split(gap).filter(|run| !run.is_empty())
}

fn place(point: (f64, f64), x: &Axis, y: &Axis) -> (String, String) {
    let across = x.position(point.0) * SIDE;
    let down = (1.0 - y.position(point.1)) * SIDE;
    (number(across), number(down))
}

/// Two digits behind the point are finer than any screen, and enough to read a value back.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" => "0".into(),
        _ => text.into(),
    }
}

fn put(data: &mut String, piece: std::fmt::Arguments) {
    // Writing to a string cannot fail.
    let _ = data.write_fmt(piece);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Unit;
    use crate::scale::Kind;

    fn axes() -> (Axis, Axis) {
        let kind = Kind::linear(Unit::Count);
        (
            Axis::between(kind, 0.0, 4.0),
            Axis::between(kind, 0.0, 10.0),
        )
    }

    #[test]
    fn a_line_is_broken_where_nothing_was_measured_and_a_lonely_value_is_a_dot() {
        let (x, y) = axes();
        let points = [
            (0.0, 0.0),
            (1.0, 5.0),
            (2.0, f64::NAN),
            (3.0, 10.0),
            (4.0, f64::NAN),
        ];
        assert_eq!(line(&points, &x, &y), "M0 1000L250 500M750 0h0");
        assert_eq!(line(&[], &x, &y), "");
    }

    #[test]
    fn an_area_stands_on_the_foot_of_the_plane() {
        let (x, y) = axes();
        let points = [(1.0, 5.0), (2.0, 2.5)];
        assert_eq!(area(&points, &x, &y), "M250 1000L250 500L500 750L500 1000Z");
    }

    #[test]
    fn stairs_hold_each_value_until_the_next() {
        let steps = stairs(&[(0.0, 1.0), (1.0, 3.0), (2.0, 0.0)]);
        assert_eq!(
            steps,
            [(0.0, 1.0), (1.0, 1.0), (1.0, 3.0), (2.0, 3.0), (2.0, 0.0)]
        );
    }
}
