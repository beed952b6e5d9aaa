//! Fewer points for an outline: those of Douglas and Peucker.

pub type Point = [f64; 2];

/// The points without which the outline would be further than `tolerance` from one that is left out. First and last stay; a
/// ring of which too little would be left for an area stays as it is.
pub fn simplify(points: &[Point], tolerance: f64) -> Vec<Point> {
    if points.len() <= 4 {
        return points.to_vec();
    }
    let last = points.len() - 1;
    let mut stays = vec![false; points.len()];
    stays[0] = true;
    stays[last] = true;
    // Not by calling itself: an outline may have a million points.
    let mut open = vec![(0, last)];
    while let Some((from, to)) = open.pop() {
        let between = from + 1..to;
        let distances =
            between.map(|index| (index, distance(points[index], points[from], points[to])));
        let furthest = distances.max_by(|one, other| one.1.total_cmp(&other.1));
        if let Some((index, distance)) = furthest
            && distance > tolerance * tolerance
        {
            stays[index] = true;
            open.extend([(from, index), (index, to)]);
        }
    }
    let left = points.iter().zip(stays).filter(|(_, stays)| *stays);
    let left: Vec<_> = left.map(|(point, _)| *point).collect();
    if left.len() < 4 {
        points.to_vec()
    } else {
        left
    }
}

/// The square of how far a point is from the line between two.
fn distance(point: Point, from: Point, to: Point) -> f64 {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx * dx + dy * dy;
    let part = if length > 0.0 {
        ((point[0] - from[0]) * dx + (point[1] - from[1]) * dy) / length
    } else {
        0.0
    };
    let part = part.clamp(0.0, 1.0);
    let (x, y) = (
        point[0] - (from[0] + part * dx),
        point[1] - (from[1] + part * dy),
    );
    x * x + y * y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_a_line_is_left_out_and_what_is_far_stays() {
        let line: Vec<Point> = (0..100).map(|n| [f64::from(n), 0.0]).collect();
        let mut ring = line.clone();
        ring[50] = [50.0, 5.0];
        ring.extend([[99.0, 50.0], [0.0, 50.0], [0.0, 0.0]]);
        let left = simplify(&ring, 0.1);
        for corner in [
            [0.0, 0.0],
            [50.0, 5.0],
            [99.0, 0.0],
            [99.0, 50.0],
            [0.0, 50.0],
        ] {
            assert!(left.contains(&corner), "{corner:?}");
        }
        assert!(left.len() < 10);
        assert_eq!(left.first(), left.last());
    }

    #[test]
    fn what_is_too_small_stays_as_it_is() {
        let small = [
            [0.0, 0.0],
            [0.0, 0.01],
            [0.01, 0.01],
            [0.01, 0.0],
            [0.0, 0.0],
        ];
        assert_eq!(simplify(&small, 1.0), small);
        assert_eq!(simplify(&small[..2], 1.0), small[..2]);
    }
}
