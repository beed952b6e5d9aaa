use brigade::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let rows = pipeline! { [0..3u64] map(|x| x + 1) }.collect().await?;
    println!("done");
    Ok(())
}
